; What the editor's cursor meets in javascript: see grammars.py for the meaning of each name.

[
  (regex) (string) (template_string)
] @string

[
  (comment) (html_comment)
] @comment

(template_substitution) @code

[
  (class_body) (object) (statement_block) (switch_body)
] @block

[
  (class_declaration) (field_definition) (function_declaration) (generator_function_declaration)
  (method_definition)
] @definition

[
  (break_statement) (continue_statement) (do_statement) (export_statement) (expression_statement)
  (for_in_statement) (for_statement) (if_statement) (import_statement) (labeled_statement)
  (lexical_declaration) (pair) (return_statement) (switch_statement) (throw_statement)
  (try_statement) (using_declaration) (variable_declaration) (while_statement) (with_statement)
] @statement
