//! Random models, and what the oracle knows of them.

use hallmark_dataflow::{Field, FieldDefault, FieldType, Index, ModelDecl};
use serde_json::Value;

use super::values::{Val, pool, sql_type};
use crate::dice::Dice;

/// One column, as the oracle sees it.
#[derive(Clone, Debug)]
pub(super) struct Col {
    pub(super) name: String,
    pub(super) kind: FieldType,
    pub(super) digits: Option<(u32, u32)>,
    pub(super) key: bool,
    pub(super) nullable: bool,
    pub(super) unique: bool,
    pub(super) default: Option<Val>,
    /// The values that rows get, and filters ask for.
    pub(super) pool: Vec<Val>,
    /// Whether sums depend on the order of the rows.
    pub(super) wild: bool,
    /// Set by the nodes alone.
    pub(super) managed: bool,
}

impl Col {
    pub(super) fn sql_type(&self) -> String {
        sql_type(self.kind, self.digits)
    }

    pub(super) fn ordered(&self) -> bool {
        !self.kind.is_json() && self.kind != FieldType::FloatArray
    }

    /// Whether a create call must give it.
    pub(super) fn required(&self) -> bool {
        !self.nullable && self.default.is_none()
    }
}

/// A model.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) decl: ModelDecl,
    pub(super) cols: Vec<Col>,
    /// Uniqueness over two fields.
    pub(super) together: Option<Vec<String>>,
    pub(super) tenant: bool,
    pub(super) soft: bool,
    pub(super) versioned: bool,
    /// Whether the key is made where none is given.
    pub(super) made: bool,
}

impl Shape {
    pub(super) fn keys(&self) -> Vec<&Col> {
        self.cols.iter().filter(|c| c.key).collect()
    }

    /// The columns that callers set.
    pub(super) fn data(&self) -> impl Iterator<Item = &Col> {
        self.cols.iter().filter(|c| !c.key && !c.managed)
    }

    pub(super) fn col(&self, name: &str) -> &Col {
        self.cols.iter().find(|c| c.name == name).unwrap()
    }

    /// Every set of fields that is unique, the key first.
    pub(super) fn uniques(&self) -> Vec<Vec<String>> {
        let mut sets = vec![self.keys().iter().map(|c| c.name.clone()).collect()];
        sets.extend(self.cols.iter().filter(|c| c.unique).map(|c| vec![c.name.clone()]));
        sets.extend(self.together.clone());
        sets
    }
}

const KINDS: [FieldType; 14] = [
    FieldType::Integer,
    FieldType::Text,
    FieldType::Float,
    FieldType::Decimal,
    FieldType::Boolean,
    FieldType::Timestamp,
    FieldType::Date,
    FieldType::Time,
    FieldType::Uuid,
    FieldType::Bytes,
    FieldType::Object,
    FieldType::Array,
    FieldType::FloatArray,
    FieldType::Json,
];
/// The types that a key can have.
const KEYS: [FieldType; 10] = [
    FieldType::Integer,
    FieldType::Text,
    FieldType::Float,
    FieldType::Decimal,
    FieldType::Boolean,
    FieldType::Timestamp,
    FieldType::Date,
    FieldType::Time,
    FieldType::Uuid,
    FieldType::Bytes,
];
/// Names that mean something elsewhere, or look it.
const NAMES: [&str; 10] =
    ["group", "order", "Größe", "with space", "quo\"te", "user", "count", "_text", "SELECT", "t"];

/// A model of this seed.
pub(super) fn shape(dice: &mut Dice) -> Shape {
    let mut names: Vec<String> = dice.some(&NAMES, 4).iter().map(ToString::to_string).collect();
    names.extend((0..2 + dice.below(5)).map(|n| format!("f{n}")));
    let mut decl = ModelDecl::new("Thing");
    let mut cols = Vec::new();
    let (made, keys) = key(dice);
    for col in keys {
        let mut field = Field::new(&col.name, col.kind).primary_key();
        if col.kind == FieldType::Integer && !made {
            field = field.auto_increment(false);
        }
        (field.max_digits, field.decimal_places) = (col.digits.map(|d| d.0), col.digits.map(|d| d.1));
        // A model without a key gets one called `id`.
        if col.name != "id" {
            decl.fields.push(field);
        }
        cols.push(col);
    }
    for name in names {
        let (field, col) = field(dice, &name);
        decl.fields.push(field);
        cols.push(col);
    }
    let plain: Vec<String> = cols.iter().filter(|c| !c.key && c.ordered()).map(|c| c.name.clone()).collect();
    let together = (plain.len() > 1 && dice.chance(30)).then(|| {
        let mut fields = plain.clone();
        fields.truncate(2);
        decl.indexes.push(Index {
            name: Some("both".to_owned()),
            fields: fields.clone(),
            unique: true,
            ..Index::default()
        });
        fields
    });
    let mut option = |name: &str, percent: u64| {
        let set = dice.chance(percent);
        if set || dice.chance(20) {
            decl.options.insert(name.to_owned(), set.into());
        }
        set
    };
    let (tenant, soft, versioned) =
        (option("multi_tenant", 40), option("soft_delete", 40), option("versioned", 40));
    if dice.chance(50) {
        decl.options.insert("timestamps".to_owned(), dice.chance(50).into());
    }
    if versioned {
        cols.push(Col {
            name: "row_version".to_owned(),
            pool: (1..4).map(Val::int).collect(),
            managed: true,
            ..bare("row_version", FieldType::Integer)
        });
    }
    Shape { decl, cols, together, tenant, soft, versioned, made }
}

fn bare(name: &str, kind: FieldType) -> Col {
    Col {
        name: name.to_owned(),
        kind,
        digits: None,
        key: false,
        nullable: false,
        unique: false,
        default: None,
        pool: pool(kind, None, false),
        wild: false,
        managed: false,
    }
}

/// The key, and whether it is made.
fn key(dice: &mut Dice) -> (bool, Vec<Col>) {
    let small = || (1..9).map(Val::int).collect::<Vec<_>>();
    let one = |name: &str, kind| Col { key: true, ..bare(name, kind) };
    match dice.below(6) {
        0 => (true, vec![Col { pool: small(), ..one("id", FieldType::Integer) }]),
        1 => (true, vec![Col { pool: small(), ..one("nr", FieldType::Integer) }]),
        2 => (true, vec![one("uid", FieldType::Uuid)]),
        3 | 4 => {
            let kind = dice.of(&KEYS);
            let digits = (kind == FieldType::Decimal && dice.chance(50)).then_some((6, 2));
            let mut col = Col { digits, pool: pool(kind, digits, false), ..one("code", kind) };
            col.pool.retain(|v| !v.bad);
            (kind == FieldType::Uuid, vec![col])
        }
        _ => {
            let parts = 2 + dice.below(2);
            let cols = (0..parts).map(|n| {
                let mut col = one(&format!("k{n}"), dice.of(&KEYS));
                col.pool.truncate(4);
                col
            });
            (false, cols.collect())
        }
    }
}

fn field(dice: &mut Dice, name: &str) -> (Field, Col) {
    let kind = dice.of(&KINDS);
    let (mut field, mut col) = (Field::new(name, kind), bare(name, kind));
    if kind == FieldType::Decimal && dice.chance(60) {
        col.digits = Some(dice.of(&[(6, 2), (12, 4), (20, 0), (5, 5)]));
        (field.max_digits, field.decimal_places) = (col.digits.map(|d| d.0), col.digits.map(|d| d.1));
    }
    col.wild = kind == FieldType::Float && dice.chance(40);
    col.pool = pool(kind, col.digits, col.wild);
    col.nullable = dice.chance(50);
    field.nullable = col.nullable;
    if kind == FieldType::Text && dice.chance(30) {
        let most = 1 + dice.below(6);
        field.max_length = Some(u32::try_from(most).unwrap());
        for val in &mut col.pool {
            val.bad = val.json.as_str().unwrap().chars().count() as u64 > most;
        }
    } else if matches!(kind, FieldType::Text | FieldType::Integer) && dice.chance(15) {
        field.choices = dice.some(&col.pool, 5).into_iter().map(|v| v.json).collect::<Vec<Value>>();
        for val in &mut col.pool {
            val.bad = !field.choices.is_empty() && !field.choices.contains(&val.json);
        }
    }
    let good: Vec<Val> = col.pool.iter().filter(|v| !v.bad).cloned().collect();
    if dice.chance(30) && !good.is_empty() {
        let default = dice.of(&good);
        field.default = Some(FieldDefault::Value(default.json.clone()));
        col.default = Some(default);
    }
    col.unique = col.ordered() && kind != FieldType::Boolean && dice.chance(20);
    field.unique = col.unique;
    field.index = col.ordered() && dice.chance(20);
    (field, col)
}
