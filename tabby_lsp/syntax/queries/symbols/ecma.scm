; What javascript and typescript have in common: see symbols/queries.py for the meaning of each name.

(function_declaration name: (identifier) @name body: (_) @body) @function

(generator_function_declaration name: (identifier) @name body: (_) @body) @function

(class_declaration name: (_) @name (class_heritage)? @bases body: (class_body) @body) @class

(method_definition
  name: [(property_identifier) (private_property_identifier)] @name body: (statement_block) @body) @method

(export_statement declaration: (_) @inner) @outer

(program (lexical_declaration (variable_declarator name: (identifier) @name)) @constant)

(program (variable_declaration (variable_declarator name: (identifier) @name)) @constant)

(program (export_statement (lexical_declaration (variable_declarator name: (identifier) @name)) @constant))

(program (lexical_declaration (variable_declarator name: (identifier) @name
  value: [
    (arrow_function body: (statement_block) @body)
    (arrow_function)
    (function_expression body: (_) @body)
    (generator_function body: (_) @body)
    (call_expression arguments: (arguments [(arrow_function body: (statement_block) @body) (function_expression body: (_) @body)]))
  ])) @function)

(program (variable_declaration (variable_declarator name: (identifier) @name
  value: [
    (arrow_function body: (statement_block) @body)
    (arrow_function)
    (function_expression body: (_) @body)
    (generator_function body: (_) @body)
  ])) @function)

(program (export_statement (lexical_declaration (variable_declarator name: (identifier) @name
  value: [
    (arrow_function body: (statement_block) @body)
    (arrow_function)
    (function_expression body: (_) @body)
    (generator_function body: (_) @body)
    (call_expression arguments: (arguments [(arrow_function body: (statement_block) @body) (function_expression body: (_) @body)]))
  ])) @function))

(program (lexical_declaration (variable_declarator name: (identifier) @name
  value: (class (class_heritage)? @bases body: (class_body) @body))) @class)

(pair key: (property_identifier) @name
  value: [(arrow_function body: (statement_block) @body) (function_expression body: (_) @body)]) @method

(expression_statement (assignment_expression
  left: (member_expression object: [(identifier) (member_expression)] @container property: (property_identifier) @name)
  right: [
    (arrow_function body: (statement_block) @body)
    (arrow_function)
    (function_expression body: (_) @body)
    (generator_function body: (_) @body)
  ]) @function)

(expression_statement (assignment_expression
  left: (member_expression object: [(identifier) (member_expression)] @container property: (property_identifier) @name)
  right: (class (class_heritage)? @bases body: (class_body) @body)) @class)

((program (expression_statement (assignment_expression
  left: (member_expression object: (_) @container property: (property_identifier) @name)
  right: [(string) (number) (object) (array) (new_expression) (call_expression) (regex) (template_string)]) @constant))
  (#any-of? @container "exports" "module.exports"))

((program (expression_statement (assignment_expression left: (member_expression) @receiver
  right: (object (pair key: (property_identifier) @name
    value: [(string) (number) (object) (array) (new_expression) (call_expression) (arrow_function)]) @constant))))
  (#eq? @receiver "module.exports"))

(assignment_expression left: (member_expression)
  right: (function_expression name: (identifier) @name body: (_) @body)) @function

(assignment_expression left: (member_expression)
  right: (class name: (_) @name (class_heritage)? @bases body: (class_body) @body)) @class

(expression_statement (assignment_expression
  left: (member_expression object: (this) property: (property_identifier) @name)) @own)

(import_statement) @import

(export_statement source: (string)) @import

(variable_declarator value: [
  (call_expression function: (identifier) @receiver arguments: (arguments . (string)))
  (member_expression object: (call_expression function: (identifier) @receiver arguments: (arguments . (string))))
] (#eq? @receiver "require")) @import

; Around the cursor.

[(identifier) (property_identifier) (private_property_identifier) (shorthand_property_identifier) (this) (super)] @use

(pair key: (property_identifier) @label)

(method_definition name: (property_identifier) @label)

(statement_identifier) @label

(variable_declarator name: (identifier) @local)

[(shorthand_property_identifier_pattern)] @local

(array_pattern (identifier) @local)

(pair_pattern value: (identifier) @local)

(pair_pattern key: (property_identifier) @label)

(rest_pattern (identifier) @local)

(assignment_pattern left: (identifier) @local)

(arrow_function parameter: (identifier) @local)

(for_in_statement left: (identifier) @local)

(catch_clause parameter: (identifier) @local)

(function_declaration name: (identifier) @local)

(class_declaration name: (_) @local)
