; What the editor's cursor meets in java: see grammars.py for the meaning of each name.

[
  (character_literal) (string_literal)
] @string

[
  (block_comment) (line_comment)
] @comment

(string_interpolation) @code

[
  (annotation_type_body) (array_initializer) (block) (class_body) (constructor_body) (enum_body)
  (interface_body) (switch_block)
] @block

[
  (annotation_type_declaration) (class_declaration) (compact_constructor_declaration)
  (constructor_declaration) (enum_declaration) (interface_declaration) (method_declaration)
  (record_declaration) (static_initializer)
] @definition

[
  (assert_statement) (break_statement) (continue_statement) (do_statement) (enhanced_for_statement)
  (expression_statement) (field_declaration) (for_statement) (if_statement) (import_declaration)
  (labeled_statement) (local_variable_declaration) (package_declaration) (return_statement)
  (switch_expression) (synchronized_statement) (throw_statement) (try_statement)
  (try_with_resources_statement) (while_statement) (yield_statement)
] @statement
