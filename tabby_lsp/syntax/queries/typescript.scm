; What the editor's cursor meets in typescript: see grammars.py for the meaning of each name.

[
  (regex) (string) (template_string)
] @string

[
  (comment) (html_comment)
] @comment

(template_substitution) @code

[
  (class_body) (enum_body) (interface_body) (object) (object_type) (statement_block) (switch_body)
] @block

[
  (abstract_class_declaration) (abstract_method_signature) (ambient_declaration) (class_declaration)
  (enum_declaration) (function_declaration) (function_signature) (generator_function_declaration)
  (interface_declaration) (internal_module) (method_definition) (method_signature) (module)
  (public_field_definition) (type_alias_declaration)
] @definition

[
  (break_statement) (continue_statement) (do_statement) (export_statement) (expression_statement)
  (for_in_statement) (for_statement) (if_statement) (import_statement) (labeled_statement)
  (lexical_declaration) (pair) (return_statement) (switch_statement) (throw_statement)
  (try_statement) (variable_declaration) (while_statement) (with_statement)
] @statement
