use serde_json::json;

use super::{FieldDefault, FieldType, ModelDecl, read};

fn one(text: &str) -> ModelDecl {
    let (models, problems) = read("m.py", text);
    assert_eq!(models.len(), 1, "{problems:?}");
    models.into_iter().next().unwrap()
}

#[test]
fn annotations_and_defaults() {
    let model = one(r#"
import typing, datetime as _datetime
@self.db.model
class Everything(Base):
    """Docs."""
    id: int = Field.primary_key()
    a: typing.Optional[str] = None
    b: "int | None"
    c: Dict[str, Any] = None
    d: list[float] | None
    e: List[Dict[str, Union[str, float]]] = Field(default_factory=list)
    f: Decimal = Field(max_digits=12, decimal_places=2, default=Decimal("1.10"))
    g: _datetime.datetime = Field(default_factory=datetime.utcnow)
    h: UUID = field(default_factory=lambda: uuid.uuid4())
    i: bytes
    j: object
    k: str = Field(max_length=200, index=True, unique=True)
    l: float = time.time()
    m: Literal["x", "y"] = "x"
    n: ClassVar[int] = 3
    o: Union[int, str]
    p: int = Field(foreign_key="users.id", null=True, wild=1)
    q: int = -9223372036854775808
    async def method(self): ...
"#);
    let kind = |n: &str| model.get(n).unwrap().kind;
    assert!(model.get("n").is_none() && model.get("id").unwrap().primary_key);
    assert!(["a", "b", "c", "d", "p"].iter().all(|n| model.get(n).unwrap().nullable));
    assert_eq!(
        ["d", "e", "f", "g", "h", "i", "j", "o"].map(kind),
        [
            FieldType::FloatArray,
            FieldType::Array,
            FieldType::Decimal,
            FieldType::Timestamp,
            FieldType::Uuid,
            FieldType::Bytes,
            FieldType::Json,
            FieldType::Json
        ]
    );
    let default = |n: &str| model.get(n).unwrap().default.clone();
    assert_eq!(default("e"), Some(FieldDefault::Value(json!([]))));
    assert_eq!(default("f"), Some(FieldDefault::Value(json!("1.10"))));
    assert_eq!(default("g"), Some(FieldDefault::Now));
    assert_eq!(default("h"), Some(FieldDefault::Uuid));
    assert_eq!(default("l"), Some(FieldDefault::Computed("time.time".to_owned())));
    assert_eq!(default("q"), Some(FieldDefault::Value(json!(i64::MIN))));
    assert_eq!(model.get("m").unwrap().choices, [json!("x"), json!("y")]);
    assert_eq!(model.get("k").unwrap().max_length, Some(200));
    assert_eq!(model.get("p").unwrap().foreign_key.as_deref(), Some("users.id"));
    assert_eq!(model.get("p").unwrap().unread, ["wild"]);
}

#[test]
fn options_indexes_and_table_name() {
    let model = one(r#"
@df.model(append_only=True)
class M:
    name: str
    __tablename__ = "things"
    __dataflow__ = {'soft_delete': True, 'ttl': 60, 'x': compute(), 'indexes': [{'fields': ['name']}]}
    __indexes__ = [{'name': 'i', 'fields': ['name'], 'type': 'gin', 'options': 'gin_trgm_ops', 'condition': 'name IS NOT NULL', 'unique': False, 'weird': 1}]
    class Meta:
        ordering = ['name']
"#);
    assert_eq!(model.table.as_deref(), Some("things"));
    assert!(model.is_set("append_only") && model.is_set("soft_delete"));
    assert_eq!(model.options["x"], json!({"expression": "compute()"}));
    assert_eq!(model.options["class Meta"], json!({"ordering": ["name"]}));
    assert_eq!(model.indexes.len(), 2);
    assert_eq!(model.indexes[1].unread, ["weird"]);
}

#[test]
fn an_unknown_type_leaves_the_model_out_with_its_place() {
    let (models, problems) = read("a/m.py", "@db.model\nclass M:\n    x: int\n    y: np.ndarray\n");
    assert!(models.is_empty());
    assert_eq!(problems[0].code, "HM-P101");
    assert_eq!(problems[0].place.to_string(), "a/m.py:4:8");
}

#[test]
fn call_form_enumerations_and_bare_decorators() {
    let (models, problems) = read(
        "m.py",
        "class S(str, Enum):\n    A = 'a'\n    B = 'b'\nclass M:\n    s: S = S.B\ndb.model(M)\ndb.model(Other)\n@model\nclass N:\n    x: int\n",
    );
    assert_eq!(models.len(), 1);
    assert_eq!(models[0].fields[0].default, Some(FieldDefault::Value(json!("b"))));
    assert_eq!(problems.iter().map(|p| p.code).collect::<Vec<_>>(), ["HM-P103"]);
    let (models, _) = read("m.py", "model = db.model\n@model\nclass N:\n    x: int\n");
    assert_eq!(models.len(), 1);
}

#[test]
fn nothing_makes_it_panic() {
    for text in [
        "",
        "@db.model\nclass",
        "@db.model\nclass A:\n    x: (((\n",
        "\u{feff}@db.model\nclass A: x: int",
        "model\0",
    ] {
        let _ = read("m.py", text);
    }
    let deep = format!("@db.model\nclass A:\n    x: {}int{}\n", "Optional[".repeat(200), "]".repeat(200));
    assert_eq!(read("m.py", &deep).1[0].code, "HM-P101");
}
