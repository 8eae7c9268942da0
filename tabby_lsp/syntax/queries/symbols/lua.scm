; What a file of lua defines, imports and uses: see symbols/queries.py for the meaning of each name.

(function_declaration name: (identifier) @name body: (block)? @body) @function

(function_declaration name: (dot_index_expression table: (_) @container field: (identifier) @name) body: (block)? @body) @function

(function_declaration
  name: (method_index_expression table: (_) @container method: (identifier) @name) body: (block)? @body) @method

(chunk (variable_declaration (assignment_statement (variable_list . name: (identifier) @name .))) @constant)

(chunk (variable_declaration (assignment_statement (variable_list . name: (identifier) @name .)
  (expression_list . value: (function_definition body: (block)? @body) .))) @function)

(chunk (assignment_statement (variable_list . name: (identifier) @name .)) @constant)

(assignment_statement
  (variable_list . name: (dot_index_expression table: (identifier) @container field: (identifier) @name) .)
  (expression_list . value: (function_definition body: (block)? @body) .)) @function

(table_constructor (field name: (identifier) @name value: (function_definition body: (block)? @body)) @method)

((variable_declaration (assignment_statement (expression_list value: (function_call name: (identifier) @receiver))))
  @import (#eq? @receiver "require"))

; Around the cursor.

(identifier) @use

(variable_declaration (variable_list name: (identifier) @local))

(variable_declaration (assignment_statement (variable_list name: (identifier) @local)))

(parameters name: (identifier) @local)

(for_generic_clause (variable_list name: (identifier) @local))

(for_numeric_clause name: (identifier) @local)

(field name: (identifier) @label)

(function_declaration name: (identifier) @local)
