"""The thirteen models of the catalogue: companies, people, quotes, classifications and documents.

Each is a table. `__dataflow__` says how its rows are treated, `__indexes__` how they are found. The predicates of partial
indexes compare columns with constants only: PostgreSQL takes no clock in an index.
"""

from datetime import datetime
from typing import Any, Dict, List, Optional

from catalog.database import db


@db.model
class Company:
    """An organisation: a manufacturer, a supplier or a customer's employer."""

    id: int
    name: str
    industry: str
    description: Optional[str] = None
    website: Optional[str] = None
    employee_count: Optional[int] = 0
    founded_year: Optional[int] = None
    is_active: bool = True
    headquarters_location: Optional[str] = None
    company_type: str = "private"
    revenue_range: Optional[str] = None
    market_segment: Optional[str] = None
    primary_contact_email: Optional[str] = None
    phone_number: Optional[str] = None
    tax_id: Optional[str] = None
    registration_number: Optional[str] = None
    is_verified: bool = False
    verification_date: Optional[datetime] = None
    created_at: datetime
    updated_at: datetime
    deleted_at: Optional[datetime] = None

    __dataflow__ = {
        "multi_tenant": True,
        "soft_delete": True,
        "audit_log": True,
        "versioned": True,
        "cache_ttl": 2700,
        "cache_strategy": "write_through",
        "cache_warming": True,
        "search_fields": ["name", "industry", "description", "headquarters_location"],
        "full_text_search": True,
        "search_ranking": "ts_rank",
        "performance_tracking": True,
        "query_optimization": True,
        "enable_read_replicas": True,
        "enable_analytics": True,
        "track_access_patterns": True,
        "enable_data_profiling": True,
    }
    __indexes__ = [
        {"name": "idx_company_name", "fields": ["name"]},
        {"name": "idx_company_tax_id", "fields": ["tax_id"], "unique": True},
        {"name": "idx_company_industry_active", "fields": ["industry"], "condition": "is_active AND deleted_at IS NULL"},
        {"name": "idx_company_type_market", "fields": ["company_type", "market_segment"]},
        {"name": "idx_company_updated", "fields": ["updated_at"]},
    ]


@db.model
class User:
    """A person who signs in."""

    id: int
    username: str
    email: str
    first_name: Optional[str] = None
    last_name: Optional[str] = None
    phone_number: Optional[str] = None
    password_hash: str
    is_active: bool = True
    is_verified: bool = False
    last_login: Optional[datetime] = None
    company_id: Optional[int] = None
    role: str = "user"
    department: Optional[str] = None
    job_title: Optional[str] = None
    timezone: str = "UTC"
    language: str = "en"
    notification_preferences: Optional[Dict[str, Any]] = None
    created_at: datetime
    updated_at: datetime
    deleted_at: Optional[datetime] = None

    __dataflow__ = {
        "multi_tenant": True,
        "soft_delete": True,
        "audit_log": True,
        "versioned": True,
        "cache_ttl": 900,
        "search_fields": ["username", "email", "first_name", "last_name"],
        "jsonb_fields": ["notification_preferences"],
        "performance_tracking": True,
        "privacy_compliant": True,
    }
    __indexes__ = [
        {"name": "idx_user_username", "fields": ["username"], "unique": True},
        {"name": "idx_user_email", "fields": ["email"], "unique": True},
        {"name": "idx_user_company_role", "fields": ["company_id", "role"]},
        {"name": "idx_user_active_login", "fields": ["last_login"], "condition": "is_active"},
        {"name": "idx_user_notification_preferences", "fields": ["notification_preferences"], "type": "gin"},
    ]


@db.model
class Customer:
    """A business or person that buys."""

    id: int
    name: str
    customer_type: str = "business"
    email: Optional[str] = None
    phone: Optional[str] = None
    website: Optional[str] = None
    billing_address: Optional[str] = None
    shipping_address: Optional[str] = None
    country: Optional[str] = None
    region: Optional[str] = None
    industry: Optional[str] = None
    company_size: Optional[str] = None
    annual_revenue: Optional[str] = None
    account_manager_id: Optional[int] = None
    customer_status: str = "active"
    credit_limit: Optional[float] = None
    payment_terms: str = "net_30"
    total_orders: int = 0
    total_revenue: float = 0.0
    last_order_date: Optional[datetime] = None
    acquisition_date: Optional[datetime] = None
    preferred_currency: str = "USD"
    communication_preferences: Optional[Dict[str, Any]] = None
    created_at: datetime
    updated_at: datetime
    deleted_at: Optional[datetime] = None

    __dataflow__ = {
        "multi_tenant": True,
        "soft_delete": True,
        "audit_log": True,
        "versioned": True,
        "cache_ttl": 1800,
        "search_fields": ["name", "email", "industry"],
        "jsonb_fields": ["communication_preferences"],
        "performance_tracking": True,
        "privacy_compliant": True,
    }
    __indexes__ = [
        {"name": "idx_customer_email", "fields": ["email"], "unique": True},
        {"name": "idx_customer_status_region", "fields": ["customer_status", "region"]},
        {"name": "idx_customer_manager", "fields": ["account_manager_id"], "condition": "account_manager_id IS NOT NULL"},
        {"name": "idx_customer_value", "fields": ["total_revenue"], "include": ["name", "total_orders"]},
        {"name": "idx_customer_open", "fields": ["name"], "condition": "customer_status = 'active' AND deleted_at IS NULL"},
        {"name": "idx_customer_preferences", "fields": ["communication_preferences"], "type": "gin"},
    ]


@db.model
class Quote:
    """An offer to a customer, with its lines."""

    id: int
    quote_number: str
    customer_id: int
    created_by_user_id: int
    title: str
    description: Optional[str] = None
    status: str = "draft"
    subtotal: float = 0.0
    tax_amount: float = 0.0
    discount_amount: float = 0.0
    total_amount: float = 0.0
    currency: str = "USD"
    valid_until: datetime
    payment_terms: str = "net_30"
    delivery_terms: Optional[str] = None
    notes: Optional[str] = None
    line_items: Optional[List[Dict[str, Any]]] = None
    probability: float = 0.0
    expected_close_date: Optional[datetime] = None
    competitor_info: Optional[str] = None
    sent_date: Optional[datetime] = None
    viewed_date: Optional[datetime] = None
    last_follow_up: Optional[datetime] = None
    follow_up_count: int = 0
    converted_to_order: bool = False
    order_id: Optional[int] = None
    conversion_date: Optional[datetime] = None
    created_at: datetime
    updated_at: datetime
    deleted_at: Optional[datetime] = None

    __dataflow__ = {
        "multi_tenant": True,
        "soft_delete": True,
        "audit_log": True,
        "versioned": True,
        "cache_ttl": 1200,
        "search_fields": ["quote_number", "title", "description"],
        "jsonb_fields": ["line_items"],
        "performance_tracking": True,
    }
    __indexes__ = [
        {"name": "idx_quote_number", "fields": ["quote_number"], "unique": True},
        {"name": "idx_quote_customer_status", "fields": ["customer_id", "status"]},
        {"name": "idx_quote_author", "fields": ["created_by_user_id", "created_at"]},
        {"name": "idx_quote_open_value", "fields": ["total_amount"], "condition": "status IN ('draft', 'sent') AND deleted_at IS NULL"},
        {"name": "idx_quote_validity", "fields": ["valid_until"], "condition": "converted_to_order = false"},
        {"name": "idx_quote_listing", "fields": ["customer_id"], "include": ["title", "total_amount", "status"]},
        {"name": "idx_quote_line_items", "fields": ["line_items"], "type": "gin", "options": "jsonb_path_ops"},
    ]


@db.model
class ProductClassification:
    """The classes that a product was given, and how sure the classifier was."""

    id: int
    product_id: int
    unspsc_code: Optional[str] = None
    unspsc_confidence: float = 0.0
    etim_class_id: Optional[str] = None
    etim_confidence: float = 0.0
    dual_confidence: float = 0.0
    classification_method: str = "unknown"
    confidence_level: str = "very_low"
    classification_text: str = ""
    language: str = "en"
    processing_time_ms: float = 0.0
    cache_hit: bool = False
    workflow_id: str = ""
    is_validated: bool = False
    validated_by: Optional[int] = None
    validation_date: Optional[datetime] = None
    needs_review: bool = False
    recommendations: Optional[List[str]] = None
    user_feedback: Optional[str] = None
    feedback_score: Optional[int] = None
    classified_at: datetime
    created_at: datetime
    updated_at: datetime
    deleted_at: Optional[datetime] = None

    __dataflow__ = {
        "multi_tenant": True,
        "soft_delete": True,
        "audit_log": True,
        "versioned": True,
        "cache_ttl": 7200,
        "cache_strategy": "write_through",
        "cache_warming": True,
        "cache_warming_threshold": 50,
        "search_fields": ["classification_text", "unspsc_code", "etim_class_id", "workflow_id"],
        "full_text_search": True,
        "enable_similarity_search": True,
        "similarity_threshold": 0.8,
        "jsonb_fields": ["recommendations"],
        "jsonb_compress": True,
        "enable_vector_search": True,
        "vector_similarity_method": "cosine",
        "performance_tracking": True,
        "enable_query_parallelization": True,
        "batch_prediction_size": 1000,
        "enable_confidence_tracking": True,
        "enable_model_versioning": True,
        "enable_ab_testing": True,
        "bulk_insert_batch_size": 10000,
        "enable_streaming_inserts": True,
        "conflict_resolution": "upsert_on_product_id",
    }
    __indexes__ = [
        {"name": "idx_classification_product", "fields": ["product_id"], "unique": True},
        {"name": "idx_classification_unspsc", "fields": ["unspsc_code", "unspsc_confidence"]},
        {"name": "idx_classification_etim", "fields": ["etim_class_id", "etim_confidence"]},
        {"name": "idx_classification_review", "fields": ["classified_at"], "condition": "needs_review AND NOT is_validated"},
        {"name": "idx_classification_workflow", "fields": ["workflow_id"]},
        {"name": "idx_classification_recommendations", "fields": ["recommendations"], "type": "gin"},
    ]


@db.model
class ClassificationHistory:
    """One change of a classification. Rows are never changed."""

    id: int
    product_classification_id: int
    change_type: str
    field_changed: Optional[str] = None
    old_value: Optional[str] = None
    new_value: Optional[str] = None
    old_unspsc_code: Optional[str] = None
    new_unspsc_code: Optional[str] = None
    old_etim_class_id: Optional[str] = None
    new_etim_class_id: Optional[str] = None
    confidence_change: float = 0.0
    change_reason: str = ""
    automated_change: bool = True
    user_id: Optional[int] = None
    system_component: str = ""
    processing_time_ms: float = 0.0
    affected_recommendations: bool = False
    change_timestamp: datetime
    session_id: Optional[str] = None
    ip_address: Optional[str] = None
    user_agent: Optional[str] = None

    __dataflow__ = {
        "multi_tenant": True,
        "audit_log": True,
        "ttl": 7776000,
        "search_fields": ["change_type", "change_reason"],
        "immutable": True,
    }
    __indexes__ = [
        {"name": "idx_history_classification", "fields": ["product_classification_id", "change_timestamp"]},
        {"name": "idx_history_change_type", "fields": ["change_type"]},
        {"name": "idx_history_person", "fields": ["user_id", "change_timestamp"], "condition": "automated_change = false"},
    ]


@db.model
class ClassificationCache:
    """A classification kept for reuse, found by the digest of the product's data."""

    id: int
    cache_key: str
    product_data_hash: str
    cached_result: Optional[Dict[str, Any]] = None
    hit_count: int = 0
    miss_count: int = 0
    last_hit_at: Optional[datetime] = None
    cache_source: str = "ml_engine"
    avg_processing_time_ms: float = 0.0
    cache_efficiency: float = 0.0
    created_at: datetime
    expires_at: datetime
    last_validated_at: Optional[datetime] = None
    invalidation_reason: Optional[str] = None
    is_popular: bool = False
    warming_priority: int = 0

    __dataflow__ = {
        "multi_tenant": True,
        "ttl": 5400,
        "cache_ttl": 2700,
        "adaptive_ttl": True,
        "ttl_multiplier_popular": 2.0,
        "jsonb_fields": ["cached_result"],
        "jsonb_compress": True,
        "enable_cache_compression": "lz4",
        "performance_tracking": True,
        "track_cache_efficiency": True,
        "enable_cache_warming": True,
        "warming_batch_size": 500,
        "auto_cleanup": True,
        "cleanup_interval": 3600,
        "cleanup_threshold": 0.8,
        "enable_cache_analytics": True,
        "track_access_patterns": True,
        "enable_predictive_warming": True,
        "enable_memory_mapping": True,
        "memory_threshold": "500MB",
        "eviction_policy": "lru_with_frequency",
    }
    __indexes__ = [
        {"name": "idx_cache_key", "fields": ["cache_key"], "unique": True},
        {"name": "idx_cache_data_hash", "fields": ["product_data_hash"]},
        {"name": "idx_cache_expiry", "fields": ["expires_at"]},
        {"name": "idx_cache_popular", "fields": ["warming_priority", "hit_count"], "condition": "is_popular"},
        {"name": "idx_cache_result", "fields": ["cached_result"], "type": "gin", "options": "jsonb_path_ops"},
    ]


@db.model
class ETIMAttribute:
    """A feature of an ETIM class, with its name in several languages."""

    id: int
    etim_class_id: str
    attribute_id: str
    name_en: str
    name_de: Optional[str] = None
    name_fr: Optional[str] = None
    name_es: Optional[str] = None
    name_it: Optional[str] = None
    name_ja: Optional[str] = None
    name_ko: Optional[str] = None
    data_type: str = "text"
    unit: Optional[str] = None
    possible_values: Optional[List[str]] = None
    min_value: Optional[float] = None
    max_value: Optional[float] = None
    name_embedding: Optional[List[float]] = None
    description_embedding: Optional[List[float]] = None
    is_required: bool = False
    is_searchable: bool = True
    display_order: int = 0
    group_name: Optional[str] = None
    usage_count: int = 0
    last_used_at: Optional[datetime] = None
    version: str = "9.0"
    is_active: bool = True
    deprecated_date: Optional[datetime] = None
    replacement_attribute_id: Optional[str] = None
    created_at: datetime
    updated_at: datetime
    deleted_at: Optional[datetime] = None

    __dataflow__ = {
        "multi_tenant": True,
        "soft_delete": True,
        "audit_log": True,
        "versioned": True,
        "search_fields": ["name_en", "name_de", "name_fr", "attribute_id"],
        "jsonb_fields": ["possible_values"],
        "vector_fields": ["name_embedding", "description_embedding"],
        "multi_language": True,
    }
    __indexes__ = [
        {"name": "idx_etim_attribute", "fields": ["etim_class_id", "attribute_id", "version"], "unique": True},
        {"name": "idx_etim_name_en", "fields": ["name_en"]},
        {"name": "idx_etim_order", "fields": ["etim_class_id", "display_order"], "condition": "is_active AND deprecated_date IS NULL"},
        {"name": "idx_etim_possible_values", "fields": ["possible_values"], "type": "gin"},
    ]


@db.model
class ClassificationRule:
    """A rule that leads to a class: keywords, a pattern or a trained model."""

    id: int
    rule_type: str
    classification_system: str
    rule_name: str
    rule_pattern: str
    target_code: str
    confidence_score: float = 0.8
    required_keywords: Optional[List[str]] = None
    excluded_keywords: Optional[List[str]] = None
    context_filters: Optional[Dict[str, Any]] = None
    training_examples: Optional[List[Dict[str, Any]]] = None
    feature_weights: Optional[Dict[str, float]] = None
    model_version: Optional[str] = None
    accuracy_score: float = 0.0
    precision_score: float = 0.0
    recall_score: float = 0.0
    f1_score: float = 0.0
    match_count: int = 0
    correct_matches: int = 0
    false_positives: int = 0
    last_used_at: Optional[datetime] = None
    is_active: bool = True
    created_by: Optional[int] = None
    approved_by: Optional[int] = None
    approval_date: Optional[datetime] = None
    created_at: datetime
    updated_at: datetime
    deleted_at: Optional[datetime] = None

    __dataflow__ = {
        "multi_tenant": True,
        "soft_delete": True,
        "audit_log": True,
        "versioned": True,
        "search_fields": ["rule_name", "rule_pattern", "target_code"],
        "jsonb_fields": ["required_keywords", "excluded_keywords", "context_filters", "training_examples", "feature_weights"],
        "performance_tracking": True,
    }
    __indexes__ = [
        {"name": "idx_rule_name", "fields": ["classification_system", "rule_name"]},
        {"name": "idx_rule_target", "fields": ["classification_system", "target_code"]},
        {"name": "idx_rule_active", "fields": ["rule_type", "confidence_score"], "condition": "is_active AND deleted_at IS NULL"},
        {"name": "idx_rule_required_keywords", "fields": ["required_keywords"], "type": "gin"},
        {"name": "idx_rule_context", "fields": ["context_filters"], "type": "gin", "options": "jsonb_path_ops"},
    ]


@db.model
class ClassificationFeedback:
    """What a person said about a classification."""

    id: int
    product_classification_id: int
    user_id: Optional[int] = None
    feedback_type: str
    feedback_text: Optional[str] = None
    rating: Optional[int] = None
    suggested_unspsc_code: Optional[str] = None
    suggested_etim_class_id: Optional[str] = None
    correction_reason: Optional[str] = None
    sentiment_score: Optional[float] = None
    sentiment_label: Optional[str] = None
    feedback_quality: Optional[str] = None
    status: str = "pending"
    reviewed_by: Optional[int] = None
    review_date: Optional[datetime] = None
    implementation_date: Optional[datetime] = None
    affected_products: int = 0
    accuracy_improvement: Optional[float] = None
    session_id: Optional[str] = None
    ip_address: Optional[str] = None
    user_agent: Optional[str] = None
    submitted_at: datetime
    created_at: datetime
    updated_at: datetime
    deleted_at: Optional[datetime] = None

    __dataflow__ = {
        "multi_tenant": True,
        "soft_delete": True,
        "audit_log": True,
        "search_fields": ["feedback_text", "correction_reason"],
        "sentiment_analysis": True,
        "user_feedback": True,
    }
    __indexes__ = [
        {"name": "idx_feedback_classification", "fields": ["product_classification_id"]},
        {"name": "idx_feedback_type_status", "fields": ["feedback_type", "status"]},
        {"name": "idx_feedback_pending", "fields": ["submitted_at"], "condition": "status = 'pending'"},
        {"name": "idx_feedback_session", "fields": ["session_id"], "condition": "session_id IS NOT NULL"},
    ]


@db.model
class ClassificationMetrics:
    """One measurement of the classifier over a period."""

    id: int
    metric_name: str
    metric_category: str
    metric_value: float
    metric_unit: str
    measurement_timestamp: datetime
    period_type: str
    period_start: datetime
    period_end: datetime
    unspsc_value: Optional[float] = None
    etim_value: Optional[float] = None
    dual_value: Optional[float] = None
    by_method: Optional[Dict[str, float]] = None
    by_confidence: Optional[Dict[str, float]] = None
    by_language: Optional[Dict[str, float]] = None
    previous_value: Optional[float] = None
    change_percentage: Optional[float] = None
    trend_direction: Optional[str] = None
    sample_size: Optional[int] = None
    confidence_interval: Optional[str] = None
    measurement_method: str = "automatic"

    __dataflow__ = {
        "multi_tenant": True,
        "time_series": True,
        "ttl": 15552000,
        "jsonb_fields": ["by_method", "by_confidence", "by_language"],
        "performance_monitoring": True,
    }
    __indexes__ = [
        {"name": "idx_metrics_name_time", "fields": ["metric_name", "measurement_timestamp"]},
        {"name": "idx_metrics_period", "fields": ["metric_category", "period_type", "period_start"]},
        {"name": "idx_metrics_by_method", "fields": ["by_method"], "type": "gin"},
    ]


@db.model
class Document:
    """A file that belongs to a customer or a quote."""

    name: str
    type: str
    category: str
    file_path: str
    file_size: int
    mime_type: str
    customer_id: Optional[int] = None
    quote_id: Optional[int] = None
    parent_document_id: Optional[int] = None
    ai_status: str = "pending"
    ai_extracted_data: Optional[dict] = None
    ai_confidence_score: Optional[float] = None
    upload_date: datetime
    uploaded_by: int
    version: int = 1
    is_latest_version: bool = True
    page_count: Optional[int] = None
    word_count: Optional[int] = None
    key_terms: Optional[list] = None
    summary: Optional[str] = None
    security_level: str = "internal"
    access_permissions: Optional[dict] = None

    __dataflow__ = {
        "multi_tenant": True,
        "soft_delete": True,
        "audit_log": True,
        "versioned": True,
        "jsonb_fields": ["ai_extracted_data", "access_permissions", "key_terms"],
    }
    __indexes__ = [
        {"name": "idx_document_customer", "fields": ["customer_id", "upload_date"], "condition": "customer_id IS NOT NULL"},
        {"name": "idx_document_quote", "fields": ["quote_id"], "condition": "quote_id IS NOT NULL"},
        {"name": "idx_document_latest", "fields": ["type", "category"], "condition": "is_latest_version"},
        {"name": "idx_document_terms", "fields": ["key_terms"], "type": "gin"},
    ]


@db.model
class DocumentProcessingQueue:
    """A document that waits to be processed."""

    document_id: int
    processing_type: str
    status: str = "pending"
    priority: int = 5
    workflow_config: Optional[dict] = None
    retry_count: int = 0
    max_retries: int = 3
    queued_at: datetime
    started_at: Optional[datetime] = None
    completed_at: Optional[datetime] = None
    estimated_duration: Optional[int] = None
    processing_results: Optional[dict] = None
    error_message: Optional[str] = None
    output_file_path: Optional[str] = None

    __dataflow__ = {
        "multi_tenant": True,
        "ttl": 2592000,
        "jsonb_fields": ["workflow_config", "processing_results"],
    }
    __indexes__ = [
        {"name": "idx_queue_next", "fields": ["priority", "queued_at"], "condition": "status = 'pending'"},
        {"name": "idx_queue_document", "fields": ["document_id"]},
        {"name": "idx_queue_stuck", "fields": ["started_at"], "condition": "completed_at IS NULL"},
    ]
