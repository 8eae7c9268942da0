; What a file of java defines, imports and uses: see symbols/queries.py for the meaning of each name.

(class_declaration name: (identifier) @name superclass: (_) @bases body: (class_body) @body) @class

(class_declaration name: (identifier) @name interfaces: (_) @bases body: (class_body) @body) @class

(class_declaration name: (identifier) @name body: (class_body) @body) @class

(interface_declaration name: (identifier) @name (extends_interfaces)? @bases body: (_) @body) @class

(enum_declaration name: (identifier) @name interfaces: (_)? @bases body: (_) @body) @class

(record_declaration name: (identifier) @name interfaces: (_)? @bases body: (_) @body) @class

(annotation_type_declaration name: (identifier) @name body: (_) @body) @class

(method_declaration name: (identifier) @name body: (block)? @body) @method

(constructor_declaration name: (identifier) @name body: (_) @body) @method

(compact_constructor_declaration name: (identifier) @name body: (_) @body) @method

(field_declaration declarator: (variable_declarator name: (identifier) @name)) @field

(constant_declaration declarator: (variable_declarator name: (identifier) @name)) @field

(enum_constant name: (identifier) @name) @field

(record_declaration parameters: (formal_parameters (formal_parameter name: (identifier) @name) @field))

(import_declaration) @import

; Around the cursor.

[(identifier) (type_identifier) (this) (super)] @use

(local_variable_declaration declarator: (variable_declarator name: (identifier) @local))

(formal_parameter name: (identifier) @local)

(catch_formal_parameter name: (identifier) @local)

(enhanced_for_statement name: (identifier) @local)

(resource name: (identifier) @local)

(lambda_expression parameters: (identifier) @local)

(inferred_parameters (identifier) @local)

(type_parameter (type_identifier) @local)

(method_declaration name: (identifier) @local)

(constructor_declaration name: (identifier) @local)
