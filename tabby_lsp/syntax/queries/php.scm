; What the editor's cursor meets in php: see grammars.py for the meaning of each name.

[
  (encapsed_string) (heredoc) (nowdoc) (shell_command_expression) (string)
] @string

(comment) @comment

[
  (compound_statement) (declaration_list) (enum_declaration_list) (match_block) (switch_block)
] @block

[
  (class_declaration) (enum_declaration) (function_definition) (interface_declaration)
  (method_declaration) (namespace_definition) (trait_declaration)
] @definition

[
  (break_statement) (const_declaration) (continue_statement) (declare_statement) (do_statement)
  (echo_statement) (expression_statement) (for_statement) (foreach_statement)
  (function_static_declaration) (global_declaration) (goto_statement) (if_statement)
  (namespace_use_declaration) (php_tag) (property_declaration) (return_statement) (switch_statement)
  (try_statement) (unset_statement) (use_declaration) (while_statement)
] @statement
