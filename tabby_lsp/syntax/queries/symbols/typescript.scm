; inherits: ecma

(abstract_class_declaration name: (_) @name (class_heritage)? @bases body: (class_body) @body) @class

(interface_declaration name: (type_identifier) @name (extends_type_clause)? @bases body: (_) @body) @class

(type_alias_declaration name: (type_identifier) @name) @class

(enum_declaration name: (identifier) @name body: (enum_body) @body) @class

(enum_body [(property_identifier) @name (enum_assignment name: (property_identifier) @name)] @field)

(internal_module name: (_) @name body: (_) @body) @module

(module name: (identifier) @name body: (_) @body) @module

(function_signature name: (identifier) @name) @function

(abstract_method_signature name: (property_identifier) @name) @method

(class_body (method_signature name: (property_identifier) @name) @method)

(interface_body (method_signature name: (property_identifier) @name) @method)

(interface_body (property_signature name: (property_identifier) @name) @field)

(type_alias_declaration value: (object_type (property_signature name: (property_identifier) @name) @field))

(public_field_definition name: [(property_identifier) (private_property_identifier)] @name) @field

(public_field_definition name: [(property_identifier) (private_property_identifier)] @name
  value: [(arrow_function body: (statement_block) @body) (function_expression body: (_) @body)]) @method

(required_parameter (accessibility_modifier) pattern: (identifier) @name) @own

(ambient_declaration (lexical_declaration (variable_declarator name: (identifier) @name)) @constant)

(ambient_declaration (_) @inner) @outer

; Around the cursor.

(type_identifier) @use

(public_field_definition name: (property_identifier) @label)

(property_signature name: (property_identifier) @label)

(required_parameter pattern: (identifier) @local)

(optional_parameter pattern: (identifier) @local)

(interface_declaration name: (_) @local)

(type_alias_declaration name: (_) @local)

(type_parameter name: (_) @local)
