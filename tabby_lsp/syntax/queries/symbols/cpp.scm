; inherits: cee

(class_specifier name: (_) @name (base_class_clause)? @bases body: (field_declaration_list) @body) @class

(struct_specifier name: (_) @name (base_class_clause) @bases body: (field_declaration_list) @body) @class

(field_declaration_list (function_definition
  declarator: (function_declarator declarator: [(field_identifier) (destructor_name) (operator_name)] @name)
  body: (_)? @body) @method)

(field_declaration_list (function_definition
  declarator: (_ (function_declarator declarator: [(field_identifier) (operator_name)] @name)) body: (_)? @body) @method)

(field_declaration_list (field_declaration
  declarator: (function_declarator declarator: [(field_identifier) (operator_name)] @name)) @method)

(field_declaration_list (field_declaration
  declarator: (_ (function_declarator declarator: [(field_identifier) (operator_name)] @name))) @method)

(field_declaration declarator: (reference_declarator (field_identifier) @name)) @field

(function_definition declarator: (function_declarator declarator: (qualified_identifier
  scope: (_) @container name: [(identifier) (destructor_name) (operator_name)] @name)) body: (_) @body) @method

(function_definition declarator: (_ (function_declarator declarator: (qualified_identifier
  scope: (_) @container name: [(identifier) (operator_name)] @name))) body: (_) @body) @method

(function_definition declarator: (reference_declarator (function_declarator declarator: (identifier) @name))
  body: (compound_statement) @body) @function

(template_declaration (_) @inner) @outer

(alias_declaration name: (type_identifier) @name) @class

(concept_definition name: (identifier) @name) @class

(namespace_definition body: (declaration_list (declaration
  declarator: (init_declarator declarator: (identifier) @name)) @constant))

; Around the cursor.

[(namespace_identifier) (this)] @use

(reference_declarator (identifier) @local)

(for_range_loop declarator: (identifier) @local)

(optional_parameter_declaration declarator: (identifier) @local)

(type_parameter_declaration (type_identifier) @local)

(structured_binding_declarator (identifier) @local)
