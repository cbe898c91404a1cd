//! Every rule, one line each, sorted. Adding a rule: its file, its Markdown test, and a line here.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use crate::rule::Rule;
use crate::{ScanOptions, selection};

/// Declares the modules of the rules and the registry, so that a rule is named once.
macro_rules! rules {
    ($($family:ident { $($rule:ident,)* })*) => {
        $(mod $family {
            $(pub(super) mod $rule;)*
        })*

        static ALL: &[&Rule] = &[$($(&$family::$rule::RULE,)*)*];
    };
}

rules! {
    channels {
        mcp_tool_undocumented,
        nexus_auto_discovery,
        nexus_register_unbuilt,
    }
    dataflow {
        dataflow_configure,
        float_money,
        import_time_model_default,
        managed_timestamp_field,
        model_without_id,
        mutable_model_default,
        nested_create_data,
        none_default_not_optional,
        unindexable_predicate,
        unknown_index_field,
        update_without_filter,
    }
    errors {
        bare_except,
        naive_utcnow,
        not_implemented_in_production,
        print_in_production,
        request_without_timeout,
        simulated_data_in_production,
        swallowed_exception,
    }
    imports {
        bulk_node_import,
        implicit_root_import,
        non_canonical_import,
        platform_shim_import,
        relative_import,
        silent_import_fallback,
        star_import,
        sys_path_edit,
        unknown_sdk_name,
        unresolved_import,
        unused_node_import,
    }
    meta {
        blanket_suppression,
        expired_suppression,
        suppression_without_reason,
        unused_suppression,
    }
    mocking {
        clock_double,
        hand_written_fake,
        import_guard_fake,
        in_memory_database,
        mock_fixture,
        mock_library_import,
        mock_object,
        mocker_fixture,
        monkeypatched_callable,
        patched_object,
        production_fallback_to_double,
        rebound_attribute,
        sdk_mock_switch,
        stub_library,
        subject_defined_in_test,
        sys_modules_double,
        unused_mock_import,
    }
    parameters {
        empty_get_parameters,
        empty_node_config,
        mutable_parameter_default,
        parameter_as_plain_dict,
        parameter_name_mismatch,
        required_parameter_with_default,
        reserved_parameter_name,
        sensitive_parameter_default,
        undeclared_parameter_read,
        unknown_parameter_keyword,
        unnamed_parameter,
        untyped_parameter,
        unvalidated_sensitive_parameter,
    }
    platform {
        blocking_sleep_in_async,
        hardcoded_windows_path,
        non_ascii_console,
        open_without_encoding,
        unguarded_unix_import,
    }
    registration {
        async_run_in_sync_node,
        duplicate_node_name,
        missing_get_parameters,
        missing_run,
        node_defines_execute,
        node_name_suffix,
        node_overrides_execute,
        node_without_docstring,
        register_node_not_called,
        register_node_unknown_argument,
        registered_without_node_base,
        run_without_kwargs,
        ungoverned_node_base,
        unregistered_node,
    }
    security {
        bind_all_interfaces,
        cors_wildcard,
        credential_url,
        cypher_built_by_formatting,
        ddl_built_by_formatting,
        eval_exec,
        hardcoded_model_name,
        hardcoded_secret,
        jwt_verification_off,
        pii_in_log,
        secret_default_from_environment,
        secret_in_log,
        secret_token,
        shell_injection,
        sql_built_by_formatting,
        tls_verification_off,
        unsafe_deserialization,
        weak_hash,
    }
    testing {
        skipped_test,
        sleep_in_test,
        swallowed_test_failure,
        test_class_with_init,
        test_returns_value,
        test_without_assertion,
        test_without_tier,
        unregistered_marker,
        vacuous_assertion,
    }
    workflow {
        add_node_swapped_arguments,
        camel_case_method,
        connection_arity,
        connection_unknown_node,
        cycle_flag,
        deprecated_builder_method,
        duplicate_node_id,
        dynamic_node_id,
        execute_on_workflow,
        execute_without_build,
        generic_node_id,
        inputs_for_sync_runtime,
        node_class_reference,
        node_run_called,
        python_code_inputs,
        python_code_interpolated,
        python_code_syntax,
        python_code_too_long,
        python_code_without_result,
        result_attribute_access,
        result_not_unpacked,
        self_connection,
        sync_execute_on_async_runtime,
        sync_runtime_in_async,
        unknown_node_type,
        unmanaged_runtime,
    }
}

/// Every rule, by family and name.
#[must_use]
pub fn all() -> &'static [&'static Rule] {
    ALL
}

/// The rule of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Rule> {
    ALL.get(place(name)?).copied()
}

/// Where the rule of this name stands among [`all`].
pub(crate) fn place(name: &str) -> Option<usize> {
    static PLACES: LazyLock<FxHashMap<&str, usize>> =
        LazyLock::new(|| ALL.iter().enumerate().map(|(place, rule)| (rule.name, place)).collect());
    PLACES.get(name).copied()
}

/// The rules that these options ask for.
#[must_use]
pub fn selected(options: &ScanOptions) -> Vec<&'static Rule> {
    ALL.iter().copied().filter(|rule| selection::asks_for(options, rule)).collect()
}
