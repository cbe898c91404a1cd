//! Every kind of change, up and down, on tables with rows.

use hallmark_dataflow::migrate::{Class, MigrateOptions};

use super::{Place, bold, fresh, kept, migrate, models, same, worst};

/// From one text of models to another: what the plan says, what comes of it, and the way back.
struct Change<'a> {
    from: &'a str,
    rows: &'a [&'a str],
    to: &'a str,
    class: Class,
    options: MigrateOptions,
}

fn change<'a>(from: &'a str, rows: &'a [&'a str], to: &'a str, class: Class) -> Change<'a> {
    Change { from, rows, to, class, options: bold() }
}

impl Change<'_> {
    fn rename(mut self, text: &str) -> Self {
        self.options.renames.push(text.to_owned());
        self
    }

    fn backfill(mut self, text: &str) -> Self {
        self.options.backfill.push(text.to_owned());
        self
    }

    /// Up, compared with a fresh creation; down, compared with a fresh creation of the former; values kept on both ways.
    async fn holds(&self) {
        let (from, to) = (models(self.from), models(self.to));
        let place = Place::new().await;
        let before = place.world(from.clone()).await;
        assert!(before.dataflow.start().await.unwrap().created);
        place.run(self.rows).await;
        let after = place.world(to.clone()).await;
        let plan = after.dataflow.plan(&self.options).await.unwrap();
        assert!(plan.blockers.is_empty(), "{}\n{:#?}", self.to, plan.blockers);
        assert_eq!(worst(&plan), self.class, "{}\n{}", self.to, plan.sql());
        let model = "Part";
        let columns = kept(&from, &to, model);
        let values = if self.options.renames.is_empty() && !columns.is_empty() {
            Some(place.values("parts", &columns).await)
        } else {
            None
        };

        let done = migrate(&after, &self.options).await.unwrap();
        assert_eq!(done.steps, plan.steps.len());
        same(&place.fingerprint().await, &fresh(&to).await, &format!("up to {}", self.to));
        let again = after.dataflow.plan(&MigrateOptions::default()).await.unwrap();
        assert!(again.is_empty() && again.drift.is_empty(), "{again:#?}");
        if let Some(values) = &values {
            assert_eq!(&place.values("parts", &columns).await, values, "{}", self.to);
        }

        let down = after.dataflow.migrate_down(1, &self.options, &|_| {}).await.unwrap();
        assert_eq!(down.len(), 1);
        same(&place.fingerprint().await, &fresh(&from).await, &format!("down to {}", self.from));
        if let Some(values) = &values {
            assert_eq!(&place.values("parts", &columns).await, values, "{}", self.from);
        }
        place.drop().await;
    }

    /// Refused with this code by plan and by migration, and nothing is changed.
    async fn refused(&self, code: &str) {
        let (from, to) = (models(self.from), models(self.to));
        let place = Place::new().await;
        place.world(from).await.dataflow.start().await.unwrap();
        place.run(self.rows).await;
        let untouched = place.fingerprint().await;
        let after = place.world(to).await;
        let error = migrate(&after, &self.options).await.expect_err(self.to);
        assert_eq!(error.code().id, code, "{error} {:?}", error.causes());
        assert!(error.next_step().is_some());
        same(&place.fingerprint().await, &untouched, "a refusal changes nothing");
        place.drop().await;
    }
}

const PART: &str = "
@db.model
class Part:
    name: str
    code: Optional[str] = None
    amount: int = 0
";
const ROWS: &[&str] =
    &["INSERT INTO {}.parts (name, code, amount) SELECT 'p' || n, n::text, n FROM generate_series(1, 500) n"];

fn part(fields: &str) -> String {
    format!("\n@db.model\nclass Part:\n{fields}")
}

#[tokio::test]
async fn columns_come_and_go() {
    let with = |line: &str| format!("{PART}    {line}\n");
    for line in [
        "colour: Optional[str] = None",
        "colour: str = 'red'",
        "made: datetime = Field(default_factory=datetime.now)",
    ] {
        change(PART, ROWS, &with(line), Class::Safe).holds().await;
    }
    let token = with("token: UUID = Field(default_factory=uuid4)");
    change(PART, ROWS, &token, Class::Safe).holds().await;
    change(PART, ROWS, &with("maker: str"), Class::Safe).backfill("parts.maker=nobody").holds().await;
    change(PART, ROWS, &with("maker: str"), Class::Safe).refused("HM-D094").await;
    let without = part("    name: str\n    amount: int = 0\n");
    change(PART, ROWS, &without, Class::Destructive).holds().await;
    let mut careful = change(PART, ROWS, &without, Class::Destructive);
    careful.options = MigrateOptions::default();
    careful.refused("HM-D091").await;
}

#[tokio::test]
async fn types_get_wider_and_narrower() {
    let amount =
        |kind: &str| part(&format!("    name: str\n    code: Optional[str] = None\n    amount: {kind}\n"));
    change(PART, ROWS, &amount("Decimal = Decimal('0')"), Class::Slow).holds().await;
    change(PART, ROWS, &amount("str = '0'"), Class::Slow).holds().await;
    change(PART, ROWS, &amount("float = 0.0"), Class::Destructive).holds().await;
    let code = |kind: &str| part(&format!("    name: str\n    code: {kind}\n    amount: int = 0\n"));
    change(PART, ROWS, &code("Optional[int] = None"), Class::Destructive).holds().await;
    let bad = &[ROWS[0], "UPDATE {}.parts SET code = 'x1' WHERE id = 7"];
    change(PART, bad, &code("Optional[int] = None"), Class::Destructive).refused("HM-D105").await;
    let price = |digits: u32| {
        part(&format!(
            "    name: str\n    price: Decimal = Field(max_digits={digits}, decimal_places=2, default=Decimal('1.00'))\n"
        ))
    };
    let rows = &["INSERT INTO {}.parts (name, price) SELECT 'p' || n, n FROM generate_series(1, 500) n"];
    change(&price(8), rows, &price(10), Class::Safe).holds().await;
    change(&price(10), rows, &price(8), Class::Destructive).holds().await;
    change(&price(10), rows, &price(4), Class::Destructive).refused("HM-D105").await;
    let day = |kind: &str| part(&format!("    name: str\n    day: Optional[{kind}] = None\n"));
    let days = &[
        "INSERT INTO {}.parts (name, day) SELECT 'p' || n, '2024-02-29'::date + n FROM generate_series(1, 50) n",
    ];
    change(&day("date"), days, &day("datetime"), Class::Slow).holds().await;
    change(&day("date"), days, &day("str"), Class::Slow).holds().await;
}

#[tokio::test]
async fn nulls_defaults_and_lengths() {
    let code = |kind: &str| part(&format!("    name: str\n    code: {kind}\n    amount: int = 0\n"));
    change(PART, ROWS, &code("str"), Class::Safe).holds().await;
    let nulls = &[ROWS[0], "UPDATE {}.parts SET code = NULL WHERE id % 5 = 0"];
    change(PART, nulls, &code("str"), Class::Safe).refused("HM-D094").await;
    change(PART, nulls, &code("str"), Class::Safe).backfill("parts.code=none").holds().await;
    change(PART, nulls, &code("str = 'unknown'"), Class::Safe).holds().await;
    change(&code("str"), ROWS, PART, Class::Safe).holds().await;
    change(
        PART,
        ROWS,
        &part("    name: str\n    code: Optional[str] = None\n    amount: int = 7\n"),
        Class::Safe,
    )
    .holds()
    .await;
    change(
        PART,
        ROWS,
        &part("    name: str\n    code: Optional[str] = None\n    amount: int\n"),
        Class::Safe,
    )
    .holds()
    .await;
    let name = |max: u32| {
        part(&format!(
            "    name: str = Field(max_length={max})\n    code: Optional[str] = None\n    amount: int = 0\n"
        ))
    };
    change(PART, ROWS, &name(10), Class::Safe).holds().await;
    change(&name(10), ROWS, &name(20), Class::Safe).holds().await;
    change(PART, ROWS, &name(3), Class::Safe).refused("HM-D105").await;
}

#[tokio::test]
async fn choices_unique_values_and_indexes() {
    let kind = |choices: &str| part(&format!("    name: str\n    kind: Literal[{choices}] = 'a'\n"));
    let rows = &[
        "INSERT INTO {}.parts (name, kind) SELECT 'p' || n, CASE n % 2 WHEN 0 THEN 'a' ELSE 'b' END FROM generate_series(1, 500) n",
    ];
    change(&kind("'a', 'b'"), rows, &kind("'a', 'b', 'c'"), Class::Safe).holds().await;
    change(&kind("'a', 'b'"), rows, &kind("'a', 'c'"), Class::Safe).refused("HM-D105").await;
    change(&kind("'a', 'b', 'c'"), rows, &kind("'a', 'b'"), Class::Safe).holds().await;
    let unique =
        part("    name: str = Field(unique=True)\n    code: Optional[str] = None\n    amount: int = 0\n");
    change(PART, ROWS, &unique, Class::Safe).holds().await;
    change(&unique, ROWS, PART, Class::Safe).holds().await;
    let twice = &[ROWS[0], "UPDATE {}.parts SET name = 'p1' WHERE id = 2"];
    change(PART, twice, &unique, Class::Safe).refused("HM-D105").await;
    let index = |entry: &str| format!("{PART}    __indexes__ = [{entry}]\n");
    let partial = index("{'name': 'by', 'fields': ['code'], 'condition': 'amount > 10'}");
    let covering = index("{'name': 'by', 'fields': ['code'], 'include': ['amount']}");
    change(PART, ROWS, &partial, Class::Safe).holds().await;
    change(&partial, ROWS, &covering, Class::Safe).holds().await;
    let other = index("{'name': 'other', 'fields': ['code'], 'include': ['amount']}");
    change(&covering, ROWS, &other, Class::Safe).holds().await;
    let unique = index("{'name': 'by', 'fields': ['code'], 'unique': True}");
    change(&covering, ROWS, &unique, Class::Safe).holds().await;
    let json = |index: &str| {
        part(&format!("    name: str\n    tags: Optional[dict] = None\n    __indexes__ = [{index}]\n"))
    };
    let rows =
        &["INSERT INTO {}.parts (name, tags) SELECT 'p' || n, '{\"a\": 1}' FROM generate_series(1, 200) n"];
    change(&json(""), rows, &json("{'name': 'gin', 'fields': ['tags'], 'type': 'gin'}"), Class::Safe)
        .holds()
        .await;
    let trigrams = index("{'name': 'like', 'fields': ['name'], 'type': 'gin', 'options': 'gin_trgm_ops'}");
    change(PART, ROWS, &trigrams, Class::Safe).holds().await;
    let search = format!("{PART}    __dataflow__ = {{'search_fields': ['name', 'code']}}\n");
    change(PART, ROWS, &search, Class::Safe).holds().await;
}

const MAKER: &str = "
@db.model
class Maker:
    name: str
";

/// What makes values unique goes only when the next one is there.
#[tokio::test]
async fn there_is_no_time_without_uniqueness() {
    let unique = |name: &str, code: &str| {
        part(&format!("    name: str{name}\n    code: Optional[str]{code}\n    amount: int = 0\n"))
    };
    let (on_name, on_code) =
        (unique(" = Field(unique=True)", " = None"), unique("", " = Field(None, unique=True)"));
    change(&on_name, ROWS, &on_code, Class::Safe).holds().await;
    let place = Place::new().await;
    place.world(models(&on_name)).await.dataflow.start().await.unwrap();
    place.run(ROWS).await;
    let after = place.world(models(&on_code)).await;
    let steps = async || -> Vec<String> {
        let plan = after.dataflow.plan(&MigrateOptions::default()).await.unwrap();
        plan.steps.iter().map(|s| s.summary.clone()).collect()
    };
    let moved = steps().await;
    assert!(moved[0].starts_with("create index") && moved[1].starts_with("drop index"), "{moved:?}");
    // A constraint, as others make one: of another name, and of the one that the model's index is to have.
    let name = moved[0].split(' ').nth(2).unwrap();
    place
        .run(&["DROP INDEX {}.idx_parts_name", "ALTER TABLE {}.parts ADD CONSTRAINT others UNIQUE (name)"])
        .await;
    let moved = steps().await;
    assert!(moved[0].starts_with("create index") && moved[1].starts_with("drop constraint"), "{moved:?}");
    let add = format!("ALTER TABLE {{}}.parts DROP CONSTRAINT others, ADD CONSTRAINT {name} UNIQUE (code)");
    place.run(&[&add]).await;
    assert_eq!(steps().await, [format!("replace index {name} on parts")]);
    // Killed when the new one was built: it is taken.
    let left = format!("CREATE UNIQUE INDEX {name}_hallmark_new ON {{}}.parts (code)");
    place.run(&[&left]).await;
    assert_eq!(steps().await, [format!("rename index {name}_hallmark_new to {name}")]);
    let taken = MigrateOptions { accept_drift: true, ..MigrateOptions::default() };
    migrate(&after, &taken).await.unwrap();
    same(&place.fingerprint().await, &fresh(&models(&on_code)).await, "an index instead of the constraint");
    place
        .run(&[
            "DROP INDEX {}.NAME".replace("NAME", name).as_str(),
            &add.replace("DROP CONSTRAINT others, ", ""),
        ])
        .await;
    migrate(&after, &taken).await.unwrap();
    same(&place.fingerprint().await, &fresh(&models(&on_code)).await, "built beside the constraint");
    place.drop().await;
}

#[tokio::test]
async fn tables_and_foreign_keys() {
    let owned = |field: &str| format!("{MAKER}{}", part(&format!("    name: str\n    maker_id: {field}\n")));
    let bare = owned("Optional[int] = None");
    let tied = owned("Optional[int] = Field(foreign_key='Maker.id', null=True)");
    let rows = &[
        "INSERT INTO {}.makers (name) SELECT 'm' || n FROM generate_series(1, 10) n",
        "INSERT INTO {}.parts (name, maker_id) SELECT 'p' || n, 1 + n % 10 FROM generate_series(1, 500) n",
    ];
    change(&bare, rows, &tied, Class::Safe).holds().await;
    change(&tied, rows, &bare, Class::Safe).holds().await;
    let lost = &[rows[0], rows[1], "UPDATE {}.parts SET maker_id = 99 WHERE id = 3"];
    change(&bare, lost, &tied, Class::Safe).refused("HM-D105").await;
    change(PART, ROWS, &format!("{PART}{MAKER}"), Class::Safe).holds().await;
    let both = format!("{PART}{MAKER}");
    change(&both, ROWS, PART, Class::Destructive).holds().await;
    // Each refers to the other: created after both tables.
    let cyclic = "
@db.model
class Part:
    name: str
    maker_id: Optional[int] = Field(foreign_key='Maker.id', null=True)
@db.model
class Maker:
    name: str
    best_id: Optional[int] = Field(foreign_key='Part.id', null=True)
";
    change(&bare, rows, cyclic, Class::Safe).holds().await;
    change(cyclic, rows, PART, Class::Destructive).backfill("makers.name=x").holds().await;
}

#[tokio::test]
async fn renames_are_said_never_guessed() {
    let renamed = part("    title: str\n    code: Optional[str] = None\n    amount: int = 0\n");
    // Without a word it is a loss, which needs the flag, and the question is asked.
    let place = Place::new().await;
    place.world(models(PART)).await.dataflow.start().await.unwrap();
    place.run(ROWS).await;
    let after = place.world(models(&renamed)).await;
    let plan = after.dataflow.plan(&MigrateOptions::default()).await.unwrap();
    assert!(plan.questions.iter().any(|q| q.contains("is title the former name?")), "{:?}", plan.questions);
    assert_eq!(plan.blockers[0].code, "HM-D094");
    // Said in the model, the values go along, and so do index and check names.
    let said = format!("{renamed}    __dataflow__ = {{'renamed_from': {{'title': 'name'}}}}\n");
    let after = place.world(models(&said)).await;
    let plan = after.dataflow.plan(&MigrateOptions::default()).await.unwrap();
    assert_eq!((worst(&plan), plan.questions.len(), plan.steps.len()), (Class::Safe, 0, 1), "{plan:#?}");
    migrate(&after, &MigrateOptions::default()).await.unwrap();
    assert_eq!(place.ask("SELECT count(DISTINCT title) FROM {}.parts").await, 500);
    // The declaration may stay.
    assert!(after.dataflow.plan(&MigrateOptions::default()).await.unwrap().is_empty());
    after.dataflow.migrate_down(1, &MigrateOptions::default(), &|_| {}).await.unwrap();
    assert_eq!(place.ask("SELECT count(DISTINCT name) FROM {}.parts").await, 500);
    place.drop().await;

    of_fields(&renamed.replace("title: str", "title: str = Field(renamed_from='name')")).await;
    let unique = part(
        "    name: str = Field(unique=True, max_length=20)\n    code: Optional[str] = None\n    amount: int = 0\n",
    );
    let moved = "\n@db.model\nclass Piece:\n    title: str = Field(unique=True, max_length=20)\n    code: Optional[str] = None\n    amount: int = 0\n";
    change(&unique, ROWS, moved, Class::Safe)
        .rename("parts=pieces")
        .rename("pieces.name=title")
        .holds()
        .await;
    // Two names for one thing that is still there twice.
    let twice =
        part("    name: str\n    title: str = ''\n    code: Optional[str] = None\n    amount: int = 0\n");
    change(PART, ROWS, &twice, Class::Safe).rename("parts.name=title").refused("HM-D085").await;
}

/// What the rows say is said before the first rename is made, by the names that the database has until then.
#[tokio::test]
async fn rows_are_asked_before_a_rename() {
    let rows = &[ROWS[0], "INSERT INTO {}.parts (name, code, amount) VALUES ('p1', 'x', -1), ('q', NULL, 0)"];
    let title = |name: &str, code: &str, amount: &str| {
        part(&format!("    title: str{name}\n    code: {code}\n    amount: int = {amount}\n"))
    };
    let code = "Optional[str] = None";
    for (what, to) in [
        ("amount of rows", title("", code, "Field(0, ge=0)")),
        ("the renamed column", title(" = Field(choices=['p1', 'p2'])", code, "0")),
        ("an index of it", title(" = Field(unique=True)", code, "0")),
        ("nulls", title("", "str", "0")),
    ] {
        let expected = if what == "nulls" { "HM-D094" } else { "HM-D105" };
        change(PART, rows, &to, Class::Safe).rename("parts.name=title").refused(expected).await;
        let to = to.replace("class Part", "class Piece");
        let change = change(PART, rows, &to, Class::Safe).rename("parts=pieces");
        change.rename("pieces.name=title").refused(expected).await;
    }
    // A foreign key from a renamed table to a renamed one.
    let two = |model: &str, name: &str, reference: &str| {
        format!(
            "\n@db.model\nclass {model}:\n    {name}: str = Field(unique=True)\n\n@db.model\nclass Use:\n    part: str{reference}\n"
        )
    };
    let rows =
        &["INSERT INTO {}.parts (name) VALUES ('a')", "INSERT INTO {}.uses (part) VALUES ('a'), ('b')"];
    let from = two("Part", "name", "");
    let to = two("Piece", "title", " = Field(foreign_key='pieces.title')");
    let moved =
        |rows| change(&from, rows, &to, Class::Safe).rename("parts=pieces").rename("pieces.name=title");
    moved(rows).refused("HM-D105").await;
    moved(&rows[..1]).holds().await;
    // Braces in a rule are not where the schema's name goes.
    let braces = title("", "Optional[str] = Field(None, choices=['{}', 'a'])", "0").replace("title", "name");
    let fits = &["INSERT INTO {}.parts (name, code) VALUES ('x', chr(123) || chr(125))"];
    change(PART, fits, &braces, Class::Safe).holds().await;
}

/// The same said of the field itself: made once, harmless afterwards, also when the old name is taken anew.
async fn of_fields(said: &str) {
    let place = Place::new().await;
    place.world(models(PART)).await.dataflow.start().await.unwrap();
    place.run(ROWS).await;
    let refused = async |model: String| {
        let error =
            place.world(models(&model)).await.dataflow.plan(&MigrateOptions::default()).await.unwrap_err();
        assert_eq!(error.code().id, "HM-D085", "{model}");
        error
    };
    let more = |line: &str| said.replace("    amount:", &format!("    {line}\n    amount:"));
    refused(more("name: str = ''")).await;
    refused(more("label: str = Field('', renamed_from='name')")).await;
    let same = refused(more("label: str = Field('', renamed_from='label')")).await;
    assert!(same.place().unwrap().ends_with("m.py:6:12"), "{same}");
    refused(format!("{said}    __dataflow__ = {{'renamed_from': {{'title': 'code'}}}}\n")).await;
    let after = place.world(models(said)).await;
    let plan = after.dataflow.plan(&MigrateOptions::default()).await.unwrap();
    assert_eq!((worst(&plan), plan.questions.len(), plan.steps.len()), (Class::Safe, 0, 1), "{plan:#?}");
    assert!(after.dataflow.tables()[0].options.not_enforced.is_empty());
    migrate(&after, &MigrateOptions::default()).await.unwrap();
    assert_eq!(place.ask("SELECT count(DISTINCT title) FROM {}.parts").await, 500);
    assert!(after.dataflow.plan(&MigrateOptions::default()).await.unwrap().is_empty());
    let anew = place.world(models(&more("name: str = 'new'"))).await;
    migrate(&anew, &MigrateOptions::default()).await.unwrap();
    assert_eq!(place.ask("SELECT count(*) FROM {}.parts WHERE name = 'new' AND title <> name").await, 500);
    let lossy = MigrateOptions { allow_destructive: true, ..MigrateOptions::default() };
    anew.dataflow.migrate_down(2, &lossy, &|_| {}).await.unwrap();
    assert_eq!(place.ask("SELECT count(DISTINCT name) FROM {}.parts").await, 500);
    place.drop().await;
}

#[tokio::test]
async fn keys() {
    let own = part(
        "    number: int = Field(primary_key=True)\n    name: str\n    code: Optional[str] = None\n    amount: int = 0\n",
    );
    let text = part(
        "    id: str = Field(primary_key=True)\n    name: str\n    code: Optional[str] = None\n    amount: int = 0\n",
    );
    let coded = part("    code: str = Field(primary_key=True)\n    name: str\n    amount: int = 0\n");
    change(PART, ROWS, &own, Class::Safe).rename("parts.id=number").holds().await;
    change(PART, ROWS, &text, Class::Slow).holds().await;
    change(PART, &[], &coded, Class::Destructive).holds().await;
    // A column that is there becomes the key; the former one goes.
    let place = Place::new().await;
    place.world(models(PART)).await.dataflow.start().await.unwrap();
    place.run(ROWS).await;
    let after = place.world(models(&coded)).await;
    migrate(&after, &bold()).await.unwrap();
    same(&place.fingerprint().await, &fresh(&models(&coded)).await, "another key");
    assert_eq!(place.ask("SELECT count(*) FROM {}.parts").await, 500);
    place.drop().await;
    let new = part(
        "    serial: str = Field(primary_key=True)\n    name: str\n    code: Optional[str] = None\n    amount: int = 0\n",
    );
    change(PART, ROWS, &new, Class::Destructive).refused("HM-D093").await;
    // What refers to a key follows its type.
    let tied = |key: &str, field: &str| {
        format!(
            "\n@db.model\nclass Maker:\n    id: {key} = Field(primary_key=True)\n    name: str\n{}",
            part(&format!(
                "    name: str\n    maker_id: Optional[{field}] = Field(foreign_key='Maker.id', null=True)\n"
            ))
        )
    };
    let rows = &[
        "INSERT INTO {}.makers (name) SELECT 'm' || n FROM generate_series(1, 10) n",
        "INSERT INTO {}.parts (name, maker_id) SELECT 'p' || n, 1 + n % 10 FROM generate_series(1, 500) n",
    ];
    change(&tied("int", "int"), rows, &tied("str", "str"), Class::Slow).holds().await;
}
