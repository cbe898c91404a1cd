//! Random models to random models: what a migration leaves is what a fresh creation gives, there and back.

use futures_util::StreamExt as _;
use hallmark_dataflow::migrate::MigrateOptions;
use hallmark_dataflow::{Field, FieldDefault, FieldType, Index, ModelDecl};
use serde_json::json;

use super::{Place, bold, fresh, kept, migrate, same};
use crate::dice::Dice;

/// How many pairs are tried; `HALLMARK_MIGRATION_PAIRS` says another number for a long run.
const PAIRS: u64 = 14;

/// The types that the values of a field can have in turn, by the field's number.
fn family(field: u64) -> &'static [FieldType] {
    match field % 6 {
        0 => &[FieldType::Integer, FieldType::Decimal, FieldType::Text, FieldType::Float],
        1 => &[FieldType::Text, FieldType::Text, FieldType::Json],
        2 => &[FieldType::Date, FieldType::Timestamp, FieldType::Text],
        3 => &[FieldType::Uuid, FieldType::Text],
        4 => &[FieldType::Boolean, FieldType::Integer],
        _ => &[FieldType::Array, FieldType::Json],
    }
}

/// A value of this type for row `n`, as an SQL text; different for different rows where the type has so many.
fn value(field: u64, kind: FieldType, n: u64) -> String {
    match (field % 6, kind) {
        (1, FieldType::Json) => format!("\"t{n}\""),
        (1, _) => format!("\"t{n}\""),
        (2, FieldType::Date | FieldType::Text) => format!("20{:02}-03-{:02}", n % 90 + 10, n % 28 + 1),
        (2, _) => format!("20{:02}-03-{:02} 00:00:00+00", n % 90 + 10, n % 28 + 1),
        (3, _) => format!("00000000-0000-4000-8000-{n:012}"),
        (4, FieldType::Boolean) => if n.is_multiple_of(2) { "true" } else { "false" }.to_owned(),
        (4, _) => (n % 2).to_string(),
        (5, _) => format!("[{n}]"),
        _ => n.to_string(),
    }
}

fn default(field: u64, kind: FieldType) -> Option<FieldDefault> {
    let fixed = |v| Some(FieldDefault::Value(v));
    match (field % 6, kind) {
        (0, FieldType::Text) => fixed(json!("7")),
        (0, FieldType::Decimal) => fixed(json!("7")),
        (0, FieldType::Float) => fixed(json!(7.0)),
        (0, _) => fixed(json!(7)),
        (1, FieldType::Text) => fixed(json!("it's \"7\"")),
        (2, FieldType::Timestamp) => Some(FieldDefault::Now),
        (3, FieldType::Uuid) => Some(FieldDefault::Uuid),
        (4, FieldType::Boolean) => fixed(json!(true)),
        (4, _) => fixed(json!(1)),
        (5, _) => fixed(json!([])),
        _ => None,
    }
}

/// A field that is in one or in both; a column that is new cannot be unique, or its one value would be there twice.
fn field(dice: &mut Dice, number: u64, both: bool) -> Field {
    let kind = dice.of(family(number));
    let mut field = Field::new(format!("f{number}"), kind);
    field.nullable = dice.chance(50);
    if dice.chance(50) {
        field.default = default(number, kind);
    }
    field.unique = both && matches!(number % 6, 0 | 3) && dice.chance(30);
    field.index = !kind.is_json() && dice.chance(25);
    if kind == FieldType::Text && dice.chance(40) {
        field.max_length = Some(u32::try_from(40 + dice.below(40)).unwrap());
    }
    if kind == FieldType::Decimal && dice.chance(60) {
        (field.max_digits, field.decimal_places) =
            (Some(u32::try_from(10 + dice.below(4)).unwrap()), Some(2));
    }
    field
}

fn pair(dice: &mut Dice) -> (Vec<ModelDecl>, Vec<ModelDecl>) {
    let (mut one, mut two) = (Vec::new(), Vec::new());
    for table in 0..4 {
        let name = format!("Thing{table}");
        let (in_one, in_two) = (table == 0 || dice.chance(75), table == 0 || dice.chance(75));
        let (mut a, mut b) = (ModelDecl::new(&name), ModelDecl::new(&name));
        for number in 0..10 {
            let (here, there) = (dice.chance(70), dice.chance(70));
            let both = here && there && in_one && in_two;
            if here {
                a.fields.push(field(dice, number, both));
            }
            if there {
                b.fields.push(field(dice, number, both));
            }
        }
        for model in [&mut a, &mut b] {
            model.fields.push(Field::new("kind", FieldType::Text).default("a"));
            let choices: Vec<_> = ["a", "b", "c"]
                .iter()
                .take(1 + usize::try_from(dice.below(3)).unwrap())
                .map(|c| json!(c))
                .collect();
            if let Some(kind) = model.fields.last_mut() {
                kind.choices = choices;
            }
            if dice.chance(60) {
                let mut link = Field::new("link", FieldType::Integer).nullable();
                if dice.chance(60) {
                    link.foreign_key = Some(format!("Thing{}.id", dice.below(4)));
                }
                model.fields.push(link);
            }
            if dice.chance(70) {
                model.indexes.push(Index {
                    name: Some(format!("by_{table}_{}", dice.below(2))),
                    fields: vec!["kind".to_owned(), "id".to_owned()],
                    unique: dice.chance(30),
                    condition: dice.chance(40).then(|| "kind <> 'z'".to_owned()),
                    include: if dice.chance(30) { vec!["created_at".to_owned()] } else { Vec::new() },
                    ..Index::default()
                });
            }
            if dice.chance(30) {
                model.options.insert("search_fields".to_owned(), json!(["kind"]));
            }
        }
        if in_one {
            one.push(a);
        }
        if in_two {
            two.push(b);
        }
    }
    (one, two)
}

/// Rows for the first models, with nulls where neither they nor the second ones need a value.
async fn fill(place: &Place, one: &[ModelDecl], dice: &mut Dice) {
    for model in one {
        let table = model.name.to_lowercase() + "s";
        let rows = dice.below(30);
        for n in 0..rows {
            let (mut names, mut values) = (Vec::new(), Vec::new());
            for field in model.fields.iter().filter(|f| f.name.starts_with('f')) {
                let number: u64 = field.name[1..].parse().unwrap();
                names.push(field.name.clone());
                // What may be unique in the other models has no nulls: filled with one value they would be duplicates.
                let null = field.nullable && !matches!(number % 6, 0 | 3) && dice.chance(20);
                values.push(if null {
                    "NULL".to_owned()
                } else {
                    format!("'{}'", value(number, field.kind, n))
                });
            }
            let (more, data) = if names.is_empty() {
                (String::new(), String::new())
            } else {
                (format!(", {}", names.join(", ")), format!(", {}", values.join(", ")))
            };
            let insert = format!("INSERT INTO {{}}.{table} (kind{more}) VALUES ('a'{data})");
            place.run(&[&insert]).await;
        }
    }
}

/// A value for every column that needs one on the way from the first to the second.
fn values(one: &[ModelDecl], two: &[ModelDecl]) -> MigrateOptions {
    let mut options = bold();
    for model in one.iter().chain(two) {
        for field in model.fields.iter().filter(|f| f.name.starts_with('f')) {
            let number: u64 = field.name[1..].parse().unwrap();
            options.backfill.push(format!(
                "{}s.{}={}",
                model.name.to_lowercase(),
                field.name,
                value(number, field.kind, 77)
            ));
        }
    }
    options
}

/// One pair there and back; gives the number of steps.
async fn pair_holds(seed: u64) -> usize {
    let mut dice = Dice::new(seed);
    let (one, two) = pair(&mut dice);
    let place = Place::new().await;
    place.world(one.clone()).await.dataflow.start().await.unwrap();
    fill(&place, &one, &mut dice).await;
    let mut before = Vec::new();
    for model in &one {
        let columns = kept(&one, &two, &model.name);
        if !columns.is_empty() {
            let table = model.name.to_lowercase() + "s";
            before.push((table.clone(), columns.clone(), place.values(&table, &columns).await));
        }
    }
    let world = place.world(two.clone()).await;
    let options = values(&one, &two);
    let plan = world.dataflow.plan(&options).await.unwrap();
    let what = format!("seed {seed}\n{}", plan.sql());
    let done = migrate(&world, &options).await.unwrap_or_else(|e| panic!("{e} {:?}\n{what}", e.causes()));
    same(&place.fingerprint().await, &fresh(&two).await, &what);
    for (table, columns, values) in &before {
        assert_eq!(&place.values(table, columns).await, values, "{table} {what}");
    }
    let options = values(&two, &one);
    let back = world.dataflow.plan_down(1, &options).await.unwrap();
    let what = format!("{what}\n-- back\n{}", back[0].1.sql());
    world
        .dataflow
        .migrate_down(1, &options, &|_| {})
        .await
        .unwrap_or_else(|e| panic!("{e} {:?}\n{what}", e.causes()));
    same(&place.fingerprint().await, &fresh(&one).await, &what);
    for (table, columns, values) in &before {
        assert_eq!(&place.values(table, columns).await, values, "{table} {what}");
    }
    place.drop().await;
    done.steps
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_and_back() {
    let pairs = std::env::var("HALLMARK_MIGRATION_PAIRS").map_or(PAIRS, |n| n.parse().unwrap());
    let all = futures_util::stream::iter((0..pairs).map(pair_holds));
    let steps: Vec<usize> = all.buffer_unordered(4).collect().await;
    let steps: usize = steps.iter().sum();
    assert!(steps > 100, "{steps} steps only");
}
