; What a file of python defines, imports and uses: see symbols/queries.py for the meaning of each name.

(function_definition name: (identifier) @name body: (block) @body) @function

(class_definition name: (identifier) @name superclasses: (argument_list)? @bases body: (block) @body) @class

(decorated_definition definition: (_) @inner) @outer

(type_alias_statement left: (type (identifier) @name)) @class

(module (expression_statement (assignment left: (identifier) @name) @constant))

(module (if_statement (block (expression_statement (assignment left: (identifier) @name) @constant))))

(module (try_statement (block (expression_statement (assignment left: (identifier) @name) @constant))))

(class_definition body: (block (expression_statement (assignment left: (identifier) @name) @field)))

((assignment left: (attribute object: (identifier) @receiver attribute: (identifier) @name)) @own
  (#eq? @receiver "self"))

(import_statement) @import

(import_from_statement) @import

; Around the cursor.

(identifier) @use

(keyword_argument name: (identifier) @label)

(assignment left: (identifier) @local)

(pattern_list (identifier) @local)

(tuple_pattern (identifier) @local)

(for_statement left: (identifier) @local)

(for_in_clause left: (identifier) @local)

(as_pattern_target (identifier) @local)

(named_expression name: (identifier) @local)

(parameters (identifier) @local)

(lambda_parameters (identifier) @local)

(default_parameter name: (identifier) @local)

(typed_default_parameter name: (identifier) @local)

(typed_parameter . (identifier) @local)

(list_splat_pattern (identifier) @local)

(dictionary_splat_pattern (identifier) @local)

(function_definition name: (identifier) @local)

(class_definition name: (identifier) @local)
