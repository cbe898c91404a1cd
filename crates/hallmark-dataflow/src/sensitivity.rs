//! Which fields hold secrets or personal data: by name, and by the model's `pii_fields`.

use hallmark_core::secret::MASK;
use hallmark_workflow::Sensitivity;
use serde_json::{Map, Value};

use crate::options::Options;
use crate::table::Table;

/// Names that are secrets when they are a field's whole name or its end.
const SECRETS: [&str; 9] = [
    "password",
    "password_hash",
    "passwd",
    "secret",
    "token",
    "api_key",
    "private_key",
    "access_key",
    "credential",
];
/// Names that say something about a person.
const PERSONAL: [&str; 22] = [
    "email",
    "phone",
    "phone_number",
    "mobile",
    "tax_id",
    "ssn",
    "passport_number",
    "national_id",
    "first_name",
    "last_name",
    "full_name",
    "date_of_birth",
    "birth_date",
    "ip_address",
    "user_agent",
    "billing_address",
    "shipping_address",
    "home_address",
    "street_address",
    "iban",
    "card_number",
    "bank_account",
];

/// How values of a field of this name may be shown.
#[must_use]
pub fn of(field: &str, options: &Options) -> Sensitivity {
    let name = field.to_ascii_lowercase();
    let is = |known: &str| {
        name.strip_suffix(known).is_some_and(|before| before.is_empty() || before.ends_with('_'))
    };
    if SECRETS.iter().any(|k| is(k)) {
        Sensitivity::Secret
    } else if PERSONAL.iter().any(|k| is(k)) || options.pii_fields.iter().any(|f| f == field) {
        Sensitivity::Pii
    } else {
        Sensitivity::Plain
    }
}

/// Which values of a row are replaced by the mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Masking {
    /// Nothing: the caller asked for it.
    None,
    /// Secrets only: a row for the application.
    Secrets,
    /// Secrets and personal data: what leaves the application.
    Personal,
}

impl Masking {
    /// Whether values of this sensitivity are replaced.
    #[must_use]
    pub fn hides(self, sensitivity: Sensitivity) -> bool {
        match self {
            Self::None => false,
            Self::Secrets => sensitivity == Sensitivity::Secret,
            Self::Personal => sensitivity != Sensitivity::Plain,
        }
    }

    /// Masks the values of a row in place; null stays null.
    pub fn apply(self, table: &Table, row: &mut Map<String, Value>) {
        if self == Self::None {
            return;
        }
        for column in table.columns.iter().filter(|c| self.hides(c.sensitivity)) {
            if let Some(value) = row.get_mut(column.name()).filter(|v| !v.is_null()) {
                *value = Value::from(MASK);
            }
        }
    }
}
