; What c and c++ have in common: see symbols/queries.py for the meaning of each name.

(function_definition
  declarator: (function_declarator declarator: (identifier) @name) body: (compound_statement) @body) @function

(function_definition
  declarator: (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))
  body: (compound_statement) @body) @function

(function_definition
  declarator: (pointer_declarator declarator: (pointer_declarator declarator:
    (function_declarator declarator: (identifier) @name)))
  body: (compound_statement) @body) @function

(declaration declarator: (function_declarator declarator: (identifier) @name)) @function

(declaration declarator: (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))) @function

(struct_specifier name: (type_identifier) @name body: (field_declaration_list) @body) @class

(union_specifier name: (type_identifier) @name body: (field_declaration_list) @body) @class

(enum_specifier name: (type_identifier) @name body: (enumerator_list) @body) @class

(type_definition type: (_ body: (_) @body) declarator: (type_identifier) @name) @class

(type_definition declarator: (type_identifier) @name) @class

(type_definition declarator: (function_declarator declarator:
  (parenthesized_declarator (pointer_declarator declarator: (type_identifier) @name)))) @class

(field_declaration declarator: (field_identifier) @name) @field

(field_declaration declarator: (pointer_declarator declarator: (field_identifier) @name)) @field

(field_declaration declarator: (array_declarator declarator: (field_identifier) @name)) @field

(enumerator name: (identifier) @name) @field

(preproc_def name: (identifier) @name value: (_)) @constant

(preproc_function_def name: (identifier) @name value: (_)? @body) @function

(translation_unit (declaration declarator: (identifier) @name) @constant)

(translation_unit (declaration declarator: (init_declarator declarator: (identifier) @name)) @constant)

(translation_unit (declaration declarator: (init_declarator declarator:
  (array_declarator declarator: (identifier) @name))) @constant)

(translation_unit (declaration declarator: (init_declarator declarator:
  (pointer_declarator declarator: (identifier) @name))) @constant)

(translation_unit (preproc_ifdef (declaration declarator: (identifier) @name) @constant))

(translation_unit (preproc_ifdef (declaration declarator: (init_declarator declarator: (identifier) @name)) @constant))

(preproc_include) @import

; Around the cursor.

[(identifier) (field_identifier) (type_identifier)] @use

(init_declarator declarator: (identifier) @local)

(init_declarator declarator: (pointer_declarator declarator: (identifier) @local))

(init_declarator declarator: (array_declarator declarator: (identifier) @local))

(declaration declarator: (identifier) @local)

(declaration declarator: (pointer_declarator declarator: (identifier) @local))

(declaration declarator: (array_declarator declarator: (identifier) @local))

(parameter_declaration declarator: (identifier) @local)

(parameter_declaration declarator: (pointer_declarator declarator: (identifier) @local))

(parameter_declaration declarator: (array_declarator declarator: (identifier) @local))

(function_declarator declarator: (identifier) @local)

(labeled_statement label: (_) @label)
