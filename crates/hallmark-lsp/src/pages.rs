//! Pages of rules and codes as files of the state folder, so that an editor's link opens them offline.

use std::collections::HashMap;
use std::path::PathBuf;

use hallmark_core::Project;
use hallmark_core::fs::{Mode, write_atomic};
use hallmark_standards::rules;
use lsp_types::{CodeDescription, Uri};

use crate::uri;

/// Looks up the page of an error code.
pub type CodePage = fn(&str) -> Option<&'static str>;

/// The pages that were asked for so far.
pub(crate) struct Pages {
    folder: Option<PathBuf>,
    code_page: CodePage,
    known: HashMap<String, Option<Uri>>,
}

impl Pages {
    /// Pages in the state folder of this project; without one there are no links.
    pub(crate) fn new(project: Option<&Project>, code_page: CodePage) -> Self {
        let folder = project.and_then(|p| p.state().ok()).map(|state| state.join("pages"));
        Self { folder, code_page, known: HashMap::new() }
    }

    /// The link to the page of a rule or an error code.
    pub(crate) fn link(&mut self, name: &str) -> Option<CodeDescription> {
        if let Some(known) = self.known.get(name) {
            return known.clone().map(|href| CodeDescription { href });
        }
        let link = self.write(name);
        self.known.insert(name.to_owned(), link.clone());
        link.map(|href| CodeDescription { href })
    }

    fn write(&self, name: &str) -> Option<Uri> {
        let page = self.text(name)?;
        let path = self.folder.as_ref()?.join(format!("{name}.md"));
        // Only what an older version left is written anew.
        if std::fs::read(&path).ok().as_deref() != Some(page.as_bytes()) {
            write_atomic(&path, page.as_bytes(), Mode::Default).ok()?;
        }
        uri::from_path(&path)
    }

    /// The page of a rule or an error code, as Markdown.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        rules::find(name).map(|r| r.page()).or_else(|| (self.code_page)(name).map(str::to_owned))
    }
}
