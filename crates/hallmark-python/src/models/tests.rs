use serde_json::json;

use super::{Field, FieldDefault, FieldType, ModelDecl, Modules, NoModules, OnDelete, read, read_all};

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
    assert_eq!(model.options["ordering"], json!(["name"]), "what Meta says is an option");
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

/// Other files, by dotted name.
struct Files(&'static [(&'static str, &'static str)]);

impl Modules for Files {
    fn source(&self, _: &str, _: u32, module: &str) -> Option<(String, String)> {
        let (name, text) = self.0.iter().find(|(name, _)| *name == module)?;
        Some((format!("{name}.py"), (*text).to_owned()))
    }
}

fn names(model: &ModelDecl) -> Vec<&str> {
    model.fields.iter().map(|f| f.name.as_str()).collect()
}

#[test]
fn columns_as_sqlalchemy_and_django_write_them() {
    let model = one(r#"
from dataflow.decorators import model
@model
class Order(Base):
    __tablename__ = "orders"
    __table_args__ = (UniqueConstraint("number", "region", name="u"), CheckConstraint("total >= 0"), Index("i", "region"), {"schema": "x"})
    id = Column(Integer, primary_key=True)
    number = Column(String(50), nullable=False, unique=True, index=True)
    total = Column(Numeric(12, 2), default=Decimal("0"))
    status = Column(Enum("new", "paid"), nullable=False, server_default="new")
    user_id = Column(ForeignKey("users.id", ondelete="CASCADE"), nullable=False)
    tags = db.Column(ARRAY(Float))
    at: Mapped[Optional[datetime]] = mapped_column(DateTime(timezone=True), server_default=func.now())
    title = models.CharField(max_length=80, null=True)
    owner = ForeignKey(User, on_delete=models.SET_NULL)
    amount = Field(Decimal, max_digits=9, decimal_places=3)
    count = Field(default=3)
    user = relationship("User", back_populates="orders")
    lines = relationship("Line")
    note = "no field"
"#);
    let get = |n: &str| model.get(n).unwrap();
    assert_eq!(model.table.as_deref(), Some("orders"));
    assert!(get("id").primary_key && !get("id").nullable && !get("number").nullable && get("total").nullable);
    assert_eq!((get("number").max_length, get("title").max_length), (Some(50), Some(80)));
    assert_eq!((get("total").max_digits, get("total").decimal_places), (Some(12), Some(2)));
    assert_eq!(get("status").choices, [json!("new"), json!("paid")]);
    assert_eq!(get("status").default, Some(FieldDefault::Value(json!("new"))));
    assert_eq!(get("user_id").foreign_key.as_deref(), Some("users.id"));
    assert_eq!(get("user_id").on_delete, Some(OnDelete::Cascade));
    assert_eq!(get("owner").on_delete, Some(OnDelete::SetNull));
    assert_eq!(get("at").default, Some(FieldDefault::Now));
    let kinds = ["tags", "amount", "count", "at"].map(|n| get(n).kind);
    assert_eq!(kinds, [FieldType::FloatArray, FieldType::Decimal, FieldType::Integer, FieldType::Timestamp]);
    assert!(model.get("note").is_none() && model.get("user").is_none());
    let relations: Vec<_> =
        model.relations.iter().map(|r| (r.name.as_str(), r.target.as_str(), r.many)).collect();
    assert_eq!(relations, [("user", "User", true), ("lines", "Line", true)]);
    assert_eq!(model.indexes.len(), 2);
    assert!(model.indexes[0].unique && model.indexes[0].fields == ["number", "region"]);
    assert_eq!(model.checks[0].condition, "total >= 0");
    assert_eq!(model.options["__table_args__"], json!({"schema": "x"}));
}

#[test]
fn bases_of_this_file_and_of_others() {
    let files = Files(&[
        (
            "mixins",
            "from .clock import Stamped\nclass Named(Stamped):\n    name: str\n    __dataflow__ = {'soft_delete': True}\n",
        ),
        ("clock", "class Stamped:\n    created_at: datetime = None\n    bad: str = 'a'\n"),
        (
            "kinds",
            "class Color(str, Enum):\n    RED = 'red'\n    BLUE = 'blue'\nUserId = NewType('UserId', int)\n",
        ),
    ]);
    let text = r#"
from mixins import Named as N
import kinds
from kinds import Color, UserId
class Local:
    place: str = "here"
    class Meta:
        table = "hidden"
@db.model
class Thing(N, Local, Unknown):
    bad: int = 1
    color: Color = Color.BLUE
    other: kinds.Color | None = kinds.Color.RED
    owner: UserId
    __dataflow__ = {"multi_tenant": True}
"#;
    let (models, problems) = read_all("m.py", text, &files);
    let model = &models[0];
    assert_eq!(names(model), ["place", "created_at", "bad", "name", "color", "other", "owner"]);
    assert_eq!(model.get("bad").unwrap().kind, FieldType::Integer);
    assert_eq!(model.get("color").unwrap().choices, [json!("red"), json!("blue")]);
    assert_eq!(model.get("color").unwrap().default, Some(FieldDefault::Value(json!("blue"))));
    assert_eq!(model.get("other").unwrap().default, Some(FieldDefault::Value(json!("red"))));
    assert_eq!(model.get("owner").unwrap().kind, FieldType::Integer);
    assert_eq!(model.table.as_deref(), Some("hidden"));
    assert!(model.is_set("multi_tenant") && !model.is_set("soft_delete"), "the nearest class decides");
    let told: Vec<_> = problems.iter().map(|p| (p.code, p.place.to_string())).collect();
    assert_eq!(told, [("HM-P110", "m.py:10:23".to_owned())]);
}

#[test]
fn nested_classes_are_objects_and_models_are_relations() {
    let model = models_of(
        r#"
@dataclass
class Address:
    street: str
class Point(NamedTuple):
    x: float
@db.model
class User:
    name: str
@db.model
class Post:
    author_id: int
    author: "User"
    editor: Optional[User] = None
    comments: List["Comment"]
    address: Address
    point: Point
@db.model
class Comment:
    text: str
"#,
    )
    .swap_remove(1);
    assert_eq!(names(&model), ["author_id", "address", "point"]);
    assert_eq!(model.get("address").unwrap().kind, FieldType::Object);
    assert_eq!(model.get("point").unwrap().kind, FieldType::Array);
    assert_eq!(model.get("author_id").unwrap().foreign_key.as_deref(), Some("User"));
    let relations: Vec<_> = model.relations.iter().map(|r| (r.name.as_str(), r.many)).collect();
    assert_eq!(relations, [("author", false), ("editor", false), ("comments", true)]);
}

fn models_of(text: &str) -> Vec<ModelDecl> {
    read_all("m.py", text, &NoModules).0
}

#[test]
fn keys_constraints_and_validators() {
    let model = one(r#"
TABLE = "tenants_things"
@classify("email", DataClassification.PII, RetentionPolicy.ONE_YEAR)
@field_validator("email", email_validator)
@field_validator("size", range_validator(min_val=1, max_val=9))
@field_validator("code", check_code)
@db.model
class Thing:
    tenant: str
    code: str = Field(min_length=2, max_length=8, pattern="^[A-Z]+$")
    email: str
    size: int
    score: float = Field(gt=0, le=1.5)
    nick: Annotated[str, Field(max_length=5)]
    __tablename__ = TABLE
    __primary_key__ = ("code", "tenant")
    __constraints__ = {"nick": {"unique": True, "pattern": "^x", "jsonb_ops": True}, "size": {"min_value": 0, "check": "size <> 5"}, "none": {}}
    class Meta:
        soft_delete = True
        unique_together = [("email", "nick")]
        constraints = [{"type": "foreign_key", "fields": ["tenant", "code"], "references": "Other", "on_delete": "cascade"}]
"#);
    let get = |n: &str| -> &Field { model.get(n).unwrap() };
    assert_eq!(model.table.as_deref(), Some("tenants_things"));
    assert_eq!(model.key(), ["code", "tenant"]);
    assert_eq!((get("code").min_length, get("code").pattern.as_deref()), (Some(2), Some("^[A-Z]+$")));
    assert_eq!(get("code").unread, ["validator check_code"]);
    assert!(get("email").pattern.as_ref().unwrap().contains('@'));
    assert_eq!(get("size").minimum.as_ref().unwrap().value, json!(1));
    assert!(
        get("score").minimum.as_ref().unwrap().exclusive && !get("score").maximum.as_ref().unwrap().exclusive
    );
    assert_eq!(get("nick").max_length, Some(5));
    assert!(get("nick").unique && get("nick").unread == ["jsonb_ops"]);
    assert_eq!(model.checks[0].condition, "size <> 5");
    assert_eq!(model.indexes[0].fields, ["email", "nick"]);
    assert_eq!(model.foreign_keys[0].on_delete, Some(OnDelete::Cascade));
    assert!(model.is_set("soft_delete") && model.list("pii_fields") == ["email"]);
    assert!(model.is_set("classify: retention and masking"));
}

#[test]
fn what_is_said_of_a_table_may_come_first_and_use_names() {
    let model = one(r#"
LIMIT = 9
INDEX = "by_name"
@db.model
class M:
    __constraints__ = {"name": {"max_length": LIMIT}}
    __indexes__ = [{"name": INDEX, "fields": ["name"]}]
    name: str
"#);
    assert_eq!(model.get("name").unwrap().max_length, Some(9));
    assert_eq!(model.indexes[0].name.as_deref(), Some("by_name"));
}

#[test]
fn annotations_may_be_a_dictionary() {
    let model = one("class M:\n    __annotations__ = {'id': str, 'age': Optional[int]}\ndb.model(M)\n");
    assert_eq!(names(&model), ["id", "age"]);
    assert!(model.get("age").unwrap().nullable && model.get("age").unwrap().line == 2);
}

#[test]
fn a_call_takes_the_class_that_python_would_see_and_one_made_by_type() {
    let models = models_of(
        r#"
def a():
    class M:
        x: int
    db.model(M)
def b():
    class M:
        y: int
    db.model(M)
N = type("Made", (), {"__annotations__": {"id": int, "title": str}, "__tablename__": "t", "title": ""})
db.model(N)
db.model(make())
"#,
    );
    assert_eq!(models.iter().map(|m| m.name.as_str()).collect::<Vec<_>>(), ["M", "M", "Made"]);
    assert_eq!((names(&models[0]), names(&models[1])), (vec!["x"], vec!["y"]));
    assert_eq!(models[2].table.as_deref(), Some("t"));
    assert_eq!(models[2].get("title").unwrap().default, Some(FieldDefault::Value(json!(""))));
    let (_, problems) = read_all("m.py", "db.model(make())\nself.model(batch)\n", &NoModules);
    assert_eq!(problems.iter().map(|p| p.place.line).collect::<Vec<_>>(), [1]);
}

#[test]
fn aliases_of_aliases_end() {
    let mut text = String::from("A0 = int\n");
    for i in 1..40 {
        text.push_str(&format!("A{i} = Union[A{}, A{}]\n", i - 1, i - 1));
    }
    text.push_str("@db.model\nclass M:\n    x: A25\n    y: Loop\nLoop = Optional[Loop]\n");
    let started = std::time::Instant::now();
    assert_eq!(read("m.py", &text).1[0].code, "HM-P101");
    assert!(started.elapsed().as_secs() < 5);
}
