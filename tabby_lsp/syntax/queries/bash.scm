; What the editor's cursor meets in bash: see grammars.py for the meaning of each name.

[
  (ansi_c_string) (heredoc_body) (raw_string) (string) (translated_string)
] @string

(comment) @comment

[
  (command_substitution) (expansion) (process_substitution)
] @code

[
  (case_item) (case_statement) (compound_statement) (do_group) (if_statement) (subshell)
] @block

(function_definition) @definition

[
  (c_style_for_statement) (case_statement) (command) (declaration_command) (for_statement)
  (if_statement) (list) (negated_command) (pipeline) (redirected_statement) (test_command)
  (variable_assignment) (while_statement)
] @statement
