//! Files on disk: which count, what they extend, and where errors point.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Config, Origin, is_nested};
use crate::{Project, fs, random};

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("hallmark-config-{}", random::token(10).unwrap()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path.canonicalize().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> &Self {
        fs::write_atomic(&self.0.join(name), text.as_bytes(), fs::Mode::Default).unwrap();
        self
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Section {
    edition: String,
    preview: bool,
    select: Vec<String>,
}

fn load(folder: &Path) -> Section {
    Config::load(folder).unwrap().section("standards").unwrap()
}

#[test]
fn a_table_of_pyproject_counts_and_two_in_one_folder_do_not() {
    let folder = Folder::new();
    folder
        .write("pyproject.toml", "[project]\nname = \"x\"\n[tool.hallmark.standards]\nedition = \"2025\"\n");
    assert_eq!(load(&folder.0).edition, "2025");
    let config = Config::load(&folder.0).unwrap();
    let origin = Origin { file: folder.at("pyproject.toml"), line: 4, column: 1 };
    assert_eq!(config.origin("standards.edition"), Some(&origin));
    folder.write("hallmark.toml", "");
    assert_eq!(Config::load(&folder.0).unwrap_err().code().id, "HM-C005");
    folder.write("pyproject.toml", "[tool.ruff]\n# hallmark\nnot toml");
    assert!(Config::load(&folder.0).is_ok(), "others' broken files are others' business");
}

#[test]
fn what_is_extended_counts_below() {
    let folder = Folder::new();
    folder
        .write("hallmark.toml", "[standards]\nedition = \"2025\"\npreview = true\nselect = [\"a\", \"b\"]\n");
    folder.write("sub/hallmark.toml", "extend = \"../hallmark.toml\"\n[standards]\nselect = [\"c\"]\n");
    let section = load(&folder.at("sub"));
    let wanted = Section { edition: "2025".to_owned(), preview: true, select: vec!["c".to_owned()] };
    assert_eq!(section, wanted);
    let config = Config::load(&folder.at("sub")).unwrap();
    assert_eq!(config.origin("standards.edition").unwrap().file, folder.at("sub/../hallmark.toml"));
    assert_eq!(config.origin("standards.select").unwrap().line, 3);
    assert_eq!(
        config.values().keys().collect::<Vec<_>>(),
        ["standards.edition", "standards.preview", "standards.select"]
    );
}

#[test]
fn a_circle_and_a_missing_base_are_said() {
    let folder = Folder::new();
    folder.write("hallmark.toml", "extend = \"b.toml\"\n").write("b.toml", "extend = \"hallmark.toml\"\n");
    assert_eq!(Config::load(&folder.0).unwrap_err().code().id, "HM-C006");
    folder.write("b.toml", "extend = \"gone.toml\"\n");
    assert_eq!(Config::load(&folder.0).unwrap_err().code().id, "HM-C006");
    folder.write("b.toml", "extend = 3\n");
    assert_eq!(Config::load(&folder.0).unwrap_err().code().id, "HM-C002");
}

#[test]
fn a_slip_of_the_keys_is_named_with_its_place() {
    let folder = Folder::new();
    let error = |text: &str| {
        folder.write("hallmark.toml", text);
        let config = Config::load(&folder.0);
        let error = config.and_then(|c| c.section::<Section>("standards")).unwrap_err();
        (
            error.place().unwrap().replace(&format!("{}/", folder.0.display()), ""),
            error.next_step().map(str::to_owned),
        )
    };
    let near = |name: &str| Some(format!("did you mean {name}?"));
    assert_eq!(
        error("[standards]\n  edtion = \"2026\"\n"),
        ("hallmark.toml:2:3".to_owned(), near("edition"))
    );
    assert_eq!(error("\n[standrads]\n"), ("hallmark.toml:2:2".to_owned(), near("standards")));
    assert_eq!(error("[standards]\npreview = 3\n"), ("hallmark.toml:2:11".to_owned(), None));
    assert_eq!(error("[standards\n").0, "hallmark.toml:1:11");
}

#[test]
fn a_number_out_of_its_bounds_is_refused_whatever_its_type_holds() {
    #[derive(Debug, Default, Deserialize)]
    struct Wide {
        #[expect(dead_code, reason = "it is read to see whether it is refused")]
        postgres: Option<toml::Table>,
    }
    let folder = Folder::new();
    let base = "[stack.postgres]\nreplicas = 5\n";
    folder.write("hallmark.toml", base);
    let read = |name: &str| Config::load(&folder.at(name)).unwrap().section::<Wide>("stack").map(drop);
    let error = read("").unwrap_err();
    assert!(error.is(&crate::codes::CONFIG_VALUE), "{error:?}");
    assert!(error.message().contains("a whole number from 0 to 2"), "{error:?}");
    assert!(error.place().unwrap().ends_with("hallmark.toml:2:1"), "{error:?}");
    // What lies over it counts, and is where the error points.
    folder.write("a/hallmark.toml", "extend = \"../hallmark.toml\"\n[stack.postgres]\nreplicas = 2\n");
    assert!(read("a").is_ok());
    folder.write("b/hallmark.toml", "extend = \"../hallmark.toml\"\n\n[stack.postgres]\nreplicas = -1\n");
    assert!(read("b").unwrap_err().place().unwrap().ends_with("b/hallmark.toml:4:1"));
}

#[test]
fn an_error_below_points_into_the_file_that_has_it() {
    let folder = Folder::new();
    folder.write("base.toml", "[standards]\nprevew = true\n");
    folder.write("hallmark.toml", "extend = \"base.toml\"\n[standards]\nselect = []\n");
    let error = Config::load(&folder.0).unwrap().section::<Section>("standards").unwrap_err();
    assert!(error.place().unwrap().ends_with("base.toml:2:1"), "{error:?}");
}

#[test]
fn a_project_reaches_to_the_first_configuration_of_its_own() {
    let folder = Folder::new();
    folder.write("hallmark.toml", "");
    folder
        .write("a/hallmark.toml", "root = false\n")
        .write("b/hallmark.toml", "extend = \"../hallmark.toml\"\n");
    folder.write("c/hallmark.toml", "").write("d/pyproject.toml", "[tool.black]\n");
    let root = |name: &str| Project::discover(&folder.at(name)).unwrap().root().to_path_buf();
    assert_eq!((root("a"), root("b"), root("d")), (folder.0.clone(), folder.0.clone(), folder.0.clone()));
    assert_eq!(root("c"), folder.at("c"));
    assert!(is_nested(&folder.at("b")) && !is_nested(&folder.at("c")));
}

#[test]
fn paths_below_the_current_folder_are_of_its_project() {
    let folder = Folder::new();
    folder.write("pyproject.toml", "[project]\nname = \"shop\"\n");
    folder.write("shop/app.py", "").write("tests/integration/test_a.py", "");
    folder
        .write("own/hallmark.toml", "")
        .write("own/a/b.py", "")
        .write("cloned/.git", "")
        .write("cloned/a/b.py", "");
    let of = |current: &str, paths: &[&str]| {
        let paths: Vec<PathBuf> = paths.iter().map(|path| folder.at(path)).collect();
        Project::of_paths(&paths, &folder.at(current)).unwrap().root().to_path_buf()
    };
    let all: [&[&str]; 4] =
        [&[], &["tests"], &["tests/integration/test_a.py"], &["shop", "tests/integration"]];
    for paths in all {
        assert_eq!(of(".", paths), folder.0, "{paths:?}");
    }
    // The nearest configuration counts, if it is one for all that is asked for.
    assert_eq!(of(".", &["own/a/b.py"]), folder.at("own"));
    assert_eq!(of(".", &["own/a", "shop"]), folder.0);
    assert_eq!(of(".", &["cloned/a"]), folder.at("cloned"));
    // Elsewhere the path says where.
    assert_eq!(of("shop", &["tests/integration/test_a.py"]), folder.at("tests/integration"));
    assert_eq!(of("shop", &["own/a/b.py"]), folder.at("own"));
}
