"""Athena's functions that are not on offer, and what to write instead."""

from collections.abc import Mapping

_NO_GEOMETRY = "nothing here has a place on earth"
_NO_BYTES = "bytes are not on offer; texts are compared as they are"
_NO_MAPS = "maps are not on offer; a row for each pair, and group by, do the same"
_NO_SKETCHES = "sketches are not on offer; the figures themselves are exact here"

#: What to do, and in place of which functions.
GROUPS: Mapping[str, str] = {
    "write concat, cast, lpad, date_format": "format format_number human_readable_seconds to_char",
    "write date_parse, or cast(… as timestamp)": (
        "parse_duration parse_data_size to_date to_timestamp from_unixtime_nanos from_iso8601_timestamp_nanos"
    ),
    "write power(x, 1e0 / 3)": "cbrt",
    "write multiplication and division by powers of two": (
        "bitwise_left_shift bitwise_right_shift bitwise_right_shift_arithmetic"
    ),
    "write cast(… as bigint)": "from_base",
    "write a row for each element: cross join unnest(…)": (
        "zip ngrams combinations contains_sequence shuffle trim_array"
    ),
    "write cast(array as json) within json_format": (
        "json_extract json_extract_scalar json_parse json_size json_array_get json_array_length json_array_contains "
        "is_json_scalar"
    ),
    "write group by and count(*)": "histogram approx_most_frequent checksum",
    "write array_agg": "reduce_agg multimap_agg",
    "write stddev, variance": "skewness kurtosis",
    "write a row for each value, and sum": "cosine_similarity bit_count",
    "write regexp_extract": (
        "url_extract_fragment url_extract_host url_extract_parameter url_extract_path url_extract_port "
        "url_extract_protocol url_extract_query url_encode url_decode"
    ),
    "write lower and translate": "normalize soundex word_stem",
    "docs/sql.md tells the types": "typeof version",
    "write row_number() over (order by …)": "uuid",
    _NO_MAPS: (
        "map map_agg map_concat map_entries map_filter map_from_entries map_keys map_union map_values map_zip_with "
        "multimap_from_entries split_to_map split_to_multimap transform_keys transform_values"
    ),
    _NO_BYTES: (
        "char2hexint crc32 from_base32 from_base64 from_base64url from_big_endian_32 from_big_endian_64 from_hex "
        "from_ieee754_32 from_ieee754_64 from_utf8 hmac_md5 hmac_sha1 hmac_sha256 hmac_sha512 luhn_check md5 murmur3 "
        "sha1 sha256 sha512 spooky_hash_v2_32 spooky_hash_v2_64 to_base32 to_base64 to_base64url to_big_endian_32 "
        "to_big_endian_64 to_hex to_ieee754_32 to_ieee754_64 to_utf8 xxhash64"
    ),
    _NO_SKETCHES: (
        "approx_set empty_approx_set hash_counts intersection_cardinality jaccard_index make_set_digest merge "
        "merge_set_digest numeric_histogram qdigest_agg tdigest_agg value_at_quantile values_at_quantiles"
    ),
    "a figure to be worked out elsewhere": (
        "beta_cdf inverse_beta_cdf inverse_normal_cdf normal_cdf wilson_interval_lower wilson_interval_upper classify "
        "regress learn_classifier learn_libsvm_classifier learn_libsvm_regressor learn_regressor features"
    ),
    "take the answer, and draw it": "bar color render rgb index current_groups objectid_timestamp timestamp_objectid",
    _NO_GEOMETRY: (
        "st_area st_asbinary st_astext st_boundary st_buffer st_centroid st_contains st_convexhull st_coorddim "
        "st_crosses st_difference st_dimension st_disjoint st_distance st_endpoint st_envelope st_envelopeaspts "
        "st_equals st_exteriorring st_geomfrombinary st_geometries st_geometryfromtext st_geometryn st_geometrytype "
        "st_interiorringn st_interiorrings st_intersection st_intersects st_isclosed st_isempty st_isring st_issimple "
        "st_isvalid st_length st_linefromtext st_linestring st_multipoint st_numgeometries st_numpoints st_overlaps "
        "st_point st_pointn st_points st_polygon st_relate st_startpoint st_symdifference st_touches st_union "
        "st_within st_x st_xmax st_xmin st_y st_ymax st_ymin bing_tile bing_tile_at bing_tile_coordinates "
        "bing_tile_polygon bing_tile_quadkey bing_tile_zoom_level bing_tiles_around convex_hull_agg "
        "from_encoded_polyline geometry_from_hadoop_shape geometry_invalid_reason geometry_nearest_points "
        "geometry_to_bing_tiles geometry_union geometry_union_agg great_circle_distance line_interpolate_point "
        "line_interpolate_points line_locate_point simplify_geometry to_encoded_polyline to_geometry "
        "to_spherical_geography"
    ),
}
#: By the name of each: what to write instead.
INSTEAD: Mapping[str, str] = {name: advice for advice, names in GROUPS.items() for name in names.split()}

#: Functions whose answer may be another than Athena's, and how.
ESTIMATED: Mapping[str, str] = {
    "approx_distinct": "exact here, an estimate in Athena",
    "approx_percentile": "exact here, an estimate in Athena",
    "random": "chance",
    **dict.fromkeys(
        (
            *(
                "acos",
                "asin",
                "atan",
                "atan2",
                "cos",
                "cosh",
                "exp",
                "ln",
                "log",
                "log2",
                "log10",
                "power",
                "sin",
                "tan",
            ),
            *("tanh", "corr", "covar_pop", "covar_samp", "geometric_mean", "regr_intercept", "regr_slope"),
            *("stddev", "stddev_pop", "variance", "var_pop"),
        ),
        "a double, whose last digit may differ",
    ),
}
