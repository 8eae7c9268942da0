; What the editor's cursor meets in ruby: see grammars.py for the meaning of each name.

[
  (character) (delimited_symbol) (heredoc_body) (regex) (string) (string_array) (subshell)
  (symbol_array)
] @string

(comment) @comment

(interpolation) @code

[
  (begin) (block) (case) (case_match) (class) (do_block) (for) (hash) (if) (method) (module)
  (singleton_class) (singleton_method) (unless) (until) (while)
] @block

[
  (class) (method) (module) (singleton_class) (singleton_method)
] @definition

[
  (alias) (assignment) (begin) (break) (case) (case_match) (for) (if) (if_modifier) (next)
  (operator_assignment) (rescue_modifier) (return) (undef) (unless) (unless_modifier) (until)
  (until_modifier) (while) (while_modifier) (yield)
] @statement

; A call is a statement only where it stands by itself.
[
  (program (call) @statement)
  (body_statement (call) @statement)
  (block_body (call) @statement)
  (then (call) @statement)
  (else (call) @statement)
  (do (call) @statement)
]
