//! The schema: what is created, what is noted, what a change of a model does.

use hallmark_dataflow::{Field, FieldType, ModelDecl, codes};
use serde_json::json;

use crate::support::{World, models, parse, with, witness};

#[tokio::test]
async fn the_thirteen_models_become_tables_and_what_cannot_be_is_noted() {
    let schema = format!("it_dataflow_{}", hallmark_core::random::token(10).unwrap());
    let world = World::named(models(), &schema, witness().await);
    let report = world.dataflow.apply_schema().await.unwrap();
    let subjects = |code| {
        let mut names: Vec<String> = report.with_code(code).map(|n| n.subject.clone()).collect();
        names.sort();
        names
    };
    let predicates = subjects(&codes::INDEX_PREDICATE);
    let methods = subjects(&codes::INDEX_METHOD);
    let includes = subjects(&codes::INDEX_INCLUDE);
    let refused = subjects(&codes::INDEX_REFUSED);
    let again = world.dataflow.apply_schema().await.unwrap();
    let indexes = world
        .ask("SELECT count(*) FROM pg_indexes WHERE schemaname = '{}' AND tablename NOT LIKE 'hallmark%'")
        .await;
    let tables = world
        .ask("SELECT count(*) FROM pg_tables WHERE schemaname = '{}' AND tablename NOT LIKE 'hallmark%'")
        .await;
    world.sql.batch_execute(&format!("DROP SCHEMA \"{schema}\" CASCADE")).await.unwrap();

    assert_eq!(
        predicates,
        [
            "idx_cache_expiry_cleanup",
            "idx_cache_hash_partial",
            "idx_cache_lookup_cover",
            "idx_cache_validated_recent",
            "idx_customer_recent_activity",
            "idx_quote_expiry_alert",
            "idx_quote_validity_expiring"
        ]
    );
    assert_eq!(methods, ["idx_document_name_text", "idx_etim_attr_desc_vector", "idx_etim_attr_name_vector"]);
    assert_eq!(includes, ["idx_cache_lookup_cover"]);
    assert_eq!(refused, Vec::<String>::new());
    assert_eq!(tables, json!(13));
    // 120 declared, 3 without a method, 9 for full text, 13 primary keys.
    assert_eq!(report.indexes_created.len(), 120 - 3 + 9);
    assert_eq!(indexes, json!(120 - 3 + 9 + 13));
    assert!(!again.changed() && again.tables_existing.len() == 13 && again.indexes_existing == 126);
    assert!(
        report.with_code(&codes::NOT_ENFORCED).any(|n| n.model == "Company" && n.subject == "cache_warming")
    );
    assert!(
        !report
            .with_code(&codes::NOT_ENFORCED)
            .any(|n| n.subject == "soft_delete" || n.subject == "multi_tenant")
    );
}

#[tokio::test]
async fn a_changed_model_adds_and_never_takes_away() {
    let first = ModelDecl::new("Part")
        .field(Field::new("name", FieldType::Text))
        .field(Field::new("weight", FieldType::Integer).nullable())
        .field(Field::new("old", FieldType::Text).nullable());
    with(vec![first], |world| async move {
        world
            .call("PartCRUDNode", json!({"operation": "create", "data": {"name": "a", "old": "keep"}}))
            .await
            .unwrap();
        let second = ModelDecl::new("Part")
            .field(Field::new("name", FieldType::Text))
            .field(Field::new("weight", FieldType::Float).nullable())
            .field(Field::new("colour", FieldType::Text).default("red"))
            .field(Field::new("maker", FieldType::Text))
            .index("by_colour", &["colour"], false);
        let changed = World::named(vec![second], world.dataflow.schema(), witness().await);
        let report = changed.dataflow.apply_schema().await.unwrap();
        assert_eq!(report.columns_added, ["parts.colour", "parts.maker"]);
        assert_eq!(report.indexes_created, ["by_colour"]);
        let note = |code| report.with_code(code).map(|n| n.subject.as_str()).collect::<Vec<_>>();
        assert_eq!(note(&codes::TYPE_CHANGE), ["weight"]);
        assert_eq!(note(&codes::DESTRUCTIVE), ["old"]);
        assert_eq!(note(&codes::NULLS_KEPT), ["maker"]);
        assert_eq!(
            world.ask("SELECT jsonb_build_object('o', old, 'c', colour) FROM {}.parts").await,
            json!({"o": "keep", "c": "red"})
        );
    })
    .await;
}

#[tokio::test]
async fn two_at_once_do_not_collide() {
    let schema = format!("it_dataflow_{}", hallmark_core::random::token(10).unwrap());
    let one = World::named(models(), &schema, witness().await);
    let two = World::named(models(), &schema, witness().await);
    let (a, b) = tokio::join!(one.dataflow.apply_schema(), two.dataflow.apply_schema());
    one.sql.batch_execute(&format!("DROP SCHEMA IF EXISTS \"{schema}\" CASCADE")).await.unwrap();
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_eq!(a.tables_created.len() + b.tables_created.len(), 13);
}

#[tokio::test]
async fn foreign_keys_and_field_rules_are_constraints() {
    let text = "
@db.model
class Author:
    name: str = Field(max_length=5, unique=True)
    kind: Literal['a', 'b'] = 'a'
@db.model
class Book:
    author_id: int = Field(foreign_key='Author.id')
    lost_id: Optional[int] = Field(foreign_key='nowhere.id', null=True)
    price: Decimal = Field(max_digits=6, decimal_places=2, default=Decimal('1.10'))
";
    with(parse(text), |world| async move {
        let report = world.dataflow.apply_schema().await.unwrap();
        assert_eq!(
            report.with_code(&codes::REFERENCE_UNRESOLVED).map(|n| n.subject.as_str()).collect::<Vec<_>>(),
            ["lost_id"]
        );
        let create = |data| json!({"operation": "create", "data": data});
        let dangling = world.call("BookCRUDNode", create(json!({"author_id": 77}))).await.unwrap_err();
        assert_eq!((dangling.code().id, dangling.place()), ("HM-D021", Some("books_author_id_fkey")));
        let author = world.call("AuthorCRUDNode", create(json!({"name": "Ödön1"}))).await.unwrap();
        let book =
            world.call("BookCRUDNode", create(json!({"author_id": author["row"]["id"]}))).await.unwrap();
        assert_eq!(book["row"]["price"], json!("1.10"));
        let fails = |data| {
            let world = &world;
            async move {
                world
                    .call("AuthorCRUDNode", json!({"operation": "create", "data": data}))
                    .await
                    .unwrap_err()
                    .code()
                    .id
            }
        };
        assert_eq!(fails(json!({"name": "toolong"})).await, "HM-D013");
        assert_eq!(fails(json!({"name": "x", "kind": "c"})).await, "HM-D014");
        assert_eq!(fails(json!({"name": "Ödön1"})).await, "HM-D020");
        // The database holds the rules too, against writers that are not Hallmark.
        let raw = format!("INSERT INTO {}.authors (name) VALUES ('toolong')", world.dataflow.schema());
        assert!(world.sql.execute(&raw, &[]).await.is_err());
        let row = world
            .call("AuthorValidateNode", json!({"rows": [{"name": "Ödön1", "kind": "z"}]}))
            .await
            .unwrap();
        assert_eq!(row["problem_count"], json!(2));
    })
    .await;
}
