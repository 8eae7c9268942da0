; What the editor's cursor meets in python: see grammars.py for the meaning of each name.

(string) @string

(comment) @comment

(interpolation) @code

(block) @block

[
  (class_definition) (decorated_definition) (function_definition) (type_alias_statement)
] @definition

[
  (assert_statement) (break_statement) (continue_statement) (delete_statement) (exec_statement)
  (expression_statement) (for_statement) (future_import_statement) (global_statement) (if_statement)
  (import_from_statement) (import_statement) (match_statement) (nonlocal_statement) (pass_statement)
  (print_statement) (raise_statement) (return_statement) (try_statement) (while_statement)
  (with_statement)
] @statement
