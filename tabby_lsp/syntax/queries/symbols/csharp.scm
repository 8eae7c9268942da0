; What a file of c# defines, imports and uses: see symbols/queries.py for the meaning of each name.

(class_declaration name: (identifier) @name (base_list)? @bases body: (_) @body) @class

(interface_declaration name: (identifier) @name (base_list)? @bases body: (_) @body) @class

(struct_declaration name: (identifier) @name (base_list)? @bases body: (_) @body) @class

(record_declaration name: (identifier) @name (base_list)? @bases) @class

(record_declaration name: (identifier) @name (base_list)? @bases body: (_) @body) @class

(enum_declaration name: (identifier) @name body: (_) @body) @class

(delegate_declaration name: (identifier) @name) @class

(method_declaration name: (identifier) @name body: (_)? @body) @method

(constructor_declaration name: (identifier) @name body: (_) @body) @method

(property_declaration name: (identifier) @name) @field

(field_declaration (variable_declaration (variable_declarator name: (identifier) @name))) @field

(event_field_declaration (variable_declaration (variable_declarator name: (identifier) @name))) @field

(enum_member_declaration name: (identifier) @name) @field

(using_directive) @import

; Around the cursor.

(identifier) @use

(variable_declarator name: (identifier) @local)

(parameter name: (identifier) @local)

(foreach_statement left: (identifier) @local)

(catch_declaration name: (identifier) @local)

(declaration_expression name: (identifier) @local)

(implicit_parameter) @local

(type_parameter name: (identifier) @local)

(method_declaration name: (identifier) @local)

(argument name: (identifier) @label)
