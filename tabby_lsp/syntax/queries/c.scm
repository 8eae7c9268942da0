; What the editor's cursor meets in c: see grammars.py for the meaning of each name.

[
  (char_literal) (string_literal) (system_lib_string)
] @string

(comment) @comment

[
  (compound_statement) (declaration_list) (enumerator_list) (field_declaration_list)
  (initializer_list)
] @block

[
  (enum_specifier) (function_definition) (struct_specifier) (type_definition) (union_specifier)
] @definition

[
  (break_statement) (case_statement) (continue_statement) (declaration) (do_statement)
  (expression_statement) (field_declaration) (for_statement) (goto_statement) (if_statement)
  (labeled_statement) (preproc_call) (preproc_def) (preproc_function_def) (preproc_include)
  (return_statement) (switch_statement) (while_statement)
] @statement
