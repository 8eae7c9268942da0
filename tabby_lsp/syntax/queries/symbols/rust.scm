; What a file of rust defines, imports and uses: see symbols/queries.py for the meaning of each name.

(function_item name: (identifier) @name body: (block) @body) @function

(function_signature_item name: (identifier) @name) @function

(struct_item name: (type_identifier) @name body: (field_declaration_list) @body) @class

(struct_item name: (type_identifier) @name) @class

(union_item name: (type_identifier) @name body: (_) @body) @class

(enum_item name: (type_identifier) @name body: (enum_variant_list) @body) @class

(trait_item name: (type_identifier) @name bounds: (trait_bounds)? @bases body: (declaration_list) @body) @class

(type_item name: (type_identifier) @name) @class

(associated_type name: (type_identifier) @name) @class

(impl_item trait: (_)? @bases type: (_) @name body: (declaration_list) @body) @scope

(mod_item name: (identifier) @name body: (declaration_list) @body) @module

(field_declaration name: (field_identifier) @name) @field

(enum_variant name: (identifier) @name) @field

(const_item name: (identifier) @name) @constant

(static_item name: (identifier) @name) @constant

(macro_definition name: (identifier) @name . (_) @body) @function

(use_declaration) @import

(mod_item !body) @import

; Around the cursor.

[(identifier) (field_identifier) (type_identifier) (shorthand_field_identifier) (self)] @use

(field_initializer field: (field_identifier) @label)

(let_declaration pattern: (identifier) @local)

(let_declaration pattern: (tuple_pattern (identifier) @local))

(let_condition pattern: (tuple_struct_pattern (identifier) @local . ))

(parameter pattern: (identifier) @local)

(closure_parameters (identifier) @local)

(for_expression pattern: (identifier) @local)

(tuple_pattern (identifier) @local)

(match_pattern (tuple_struct_pattern type: (_) (identifier) @local))

(mut_pattern (identifier) @local)

(type_parameter name: (type_identifier) @local)

(lifetime (identifier) @label)

(function_item name: (identifier) @local)
