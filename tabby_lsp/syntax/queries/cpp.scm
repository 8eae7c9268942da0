; What the editor's cursor meets in cpp: see grammars.py for the meaning of each name.

[
  (char_literal) (raw_string_literal) (string_literal) (system_lib_string)
] @string

(comment) @comment

[
  (compound_statement) (declaration_list) (enumerator_list) (field_declaration_list)
  (initializer_list)
] @block

[
  (alias_declaration) (class_specifier) (concept_definition) (enum_specifier) (function_definition)
  (namespace_definition) (struct_specifier) (template_declaration) (type_definition)
  (union_specifier)
] @definition

[
  (break_statement) (case_statement) (continue_statement) (declaration) (do_statement)
  (expression_statement) (field_declaration) (for_range_loop) (for_statement) (goto_statement)
  (if_statement) (labeled_statement) (preproc_call) (preproc_def) (preproc_function_def)
  (preproc_include) (return_statement) (static_assert_declaration) (switch_statement)
  (throw_statement) (try_statement) (using_declaration) (while_statement)
] @statement
