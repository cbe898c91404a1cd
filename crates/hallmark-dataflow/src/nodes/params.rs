//! Parameters that several kinds share: which rows, in which order, how many, and what is shown of them.

use hallmark_workflow::Param;

use crate::limits;

/// `include_pii`, for kinds whose answers mask.
pub(super) fn include_pii() -> Param {
    Param::boolean("include_pii")
        .describe("Show secrets and personal data instead of the mask")
        .default(false)
}

/// `filter`.
pub(super) fn filter() -> Param {
    Param::object("filter")
        .describe("Which rows: {\"field\": value} or {\"field\": {\"gte\": value}}, joined by and, or, not")
}

/// `fields`.
pub(super) fn fields() -> Param {
    Param::array("fields").describe("The fields to return; all by default")
}

/// `sort`, over fields; `more` says what else it knows.
pub(super) fn sort(more: &str) -> Param {
    Param::any("sort").describe(format!("Fields to sort by, `-` in front for descending{more}"))
}

/// `limit`, for rows.
pub(super) fn page_limit(what: &str) -> Param {
    #[expect(clippy::cast_precision_loss, reason = "a bound of a few thousand")]
    Param::integer("limit").describe(what).range(1.0, limits::PAGE_ROWS_MAX as f64)
}

/// `cursor`.
pub(super) fn cursor() -> Param {
    Param::string("cursor").describe("next_cursor of the page before")
}

/// `rows`, given with the call.
pub(super) fn rows(what: &str) -> Param {
    Param::array("rows").describe(what).max_length(limits::ROWS_GIVEN_MAX).pii()
}

/// `time_zone`.
pub(super) fn time_zone() -> Param {
    Param::string("time_zone")
        .describe("The time zone that days, weeks and months begin in, as Europe/Berlin")
        .max_length(64)
        .default("UTC")
}
