; What the editor's cursor meets in csharp: see grammars.py for the meaning of each name.

[
  (character_literal) (interpolated_string_expression) (raw_string_literal) (string_literal)
  (verbatim_string_literal)
] @string

(comment) @comment

(interpolation) @code

[
  (accessor_list) (block) (declaration_list) (enum_member_declaration_list) (initializer_expression)
  (switch_body)
] @block

[
  (class_declaration) (constructor_declaration) (delegate_declaration) (destructor_declaration)
  (enum_declaration) (event_declaration) (indexer_declaration) (interface_declaration)
  (local_function_statement) (method_declaration) (namespace_declaration) (operator_declaration)
  (property_declaration) (record_declaration) (struct_declaration)
] @definition

[
  (break_statement) (continue_statement) (do_statement) (expression_statement) (field_declaration)
  (file_scoped_namespace_declaration) (fixed_statement) (for_statement) (foreach_statement)
  (global_statement) (if_statement) (local_declaration_statement) (lock_statement)
  (return_statement) (switch_statement) (throw_statement) (try_statement) (using_directive)
  (using_statement) (while_statement) (yield_statement)
] @statement
