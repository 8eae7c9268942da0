; What a file of php defines, imports and uses: see symbols/queries.py for the meaning of each name.

(function_definition name: (name) @name body: (compound_statement) @body) @function

(class_declaration name: (name) @name (base_clause) @bases body: (declaration_list) @body) @class

(class_declaration name: (name) @name (class_interface_clause)? @bases body: (declaration_list) @body) @class

(interface_declaration name: (name) @name (base_clause)? @bases body: (declaration_list) @body) @class

(trait_declaration name: (name) @name body: (declaration_list) @body) @class

(enum_declaration name: (name) @name body: (_) @body) @class

(method_declaration name: (name) @name body: (compound_statement)? @body) @method

(property_declaration (property_element name: (variable_name (name) @name))) @field

(const_declaration (const_element . (name) @name)) @constant

(enum_case name: (name) @name) @field

(property_promotion_parameter name: (variable_name (name) @name)) @own

(assignment_expression left: (member_access_expression object: (variable_name) name: (name) @name)) @own

(namespace_use_declaration) @import

[(require_expression) (require_once_expression) (include_expression) (include_once_expression)] @import

; Around the cursor.

(name) @use

(assignment_expression left: (variable_name (name) @local))

(simple_parameter name: (variable_name (name) @local))

(property_promotion_parameter name: (variable_name (name) @local))

(foreach_statement (variable_name (name) @local))

(catch_clause name: (variable_name (name) @local))

(argument name: (name) @label)

(method_declaration name: (name) @local)
