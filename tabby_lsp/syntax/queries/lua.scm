; What the editor's cursor meets in lua: see grammars.py for the meaning of each name.

(string) @string

(comment) @comment

[
  (do_statement) (for_statement) (function_declaration) (function_definition) (if_statement)
  (repeat_statement) (table_constructor) (while_statement)
] @block

(function_declaration) @definition

[
  (assignment_statement) (break_statement) (do_statement) (for_statement) (function_call)
  (goto_statement) (if_statement) (repeat_statement) (return_statement) (variable_declaration)
  (while_statement)
] @statement

; A call is a statement only where it stands by itself.
[
  (chunk (function_call) @statement)
  (block (function_call) @statement)
]
