; What a file of go defines, imports and uses: see symbols/queries.py for the meaning of each name.

(function_declaration name: (identifier) @name body: (block)? @body) @function

(method_declaration
  receiver: (parameter_list (parameter_declaration type: (_) @container))
  name: (field_identifier) @name body: (block)? @body) @method

(type_declaration . (type_spec name: (type_identifier) @name type: (struct_type (field_declaration_list) @body)) .) @class

(type_declaration . (type_spec name: (type_identifier) @name type: (interface_type "{" @body)) .) @class

(type_declaration . (type_spec name: (type_identifier) @name) .) @class

(type_declaration "(" (type_spec name: (type_identifier) @name) @class)

(type_alias name: (type_identifier) @name) @class

(type_spec type: (struct_type (field_declaration_list
  (field_declaration name: (field_identifier) @name) @field)))

(type_spec type: (interface_type (method_elem name: (field_identifier) @name) @method))

(type_spec name: (type_identifier) @name type: (struct_type (field_declaration_list
  (field_declaration !name type: (_) @bases)))) @class

(source_file (const_declaration (const_spec name: (identifier) @name) @constant))

(source_file (var_declaration (var_spec name: (identifier) @name) @constant))

(source_file (var_declaration (var_spec_list (var_spec name: (identifier) @name) @constant)))

(import_declaration) @import

; Around the cursor.

[(identifier) (field_identifier) (type_identifier) (package_identifier)] @use

(keyed_element . (literal_element (identifier) @label))

(short_var_declaration left: (expression_list (identifier) @local))

(var_spec name: (identifier) @local)

(const_spec name: (identifier) @local)

(range_clause left: (expression_list (identifier) @local))

(parameter_declaration name: (identifier) @local)

(variadic_parameter_declaration name: (identifier) @local)

(type_parameter_declaration name: (identifier) @local)

(function_declaration name: (identifier) @local)

(method_declaration name: (field_identifier) @label)

(field_declaration name: (field_identifier) @label)
