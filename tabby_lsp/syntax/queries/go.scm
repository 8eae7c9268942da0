; What the editor's cursor meets in go: see grammars.py for the meaning of each name.

[
  (interpreted_string_literal) (raw_string_literal) (rune_literal)
] @string

(comment) @comment

[
  (block) (expression_switch_statement) (field_declaration_list) (import_spec_list) (interface_type)
  (literal_value) (select_statement) (type_switch_statement) (var_spec_list)
] @block

[
  (const_declaration) (function_declaration) (method_declaration) (type_declaration)
] @definition

[
  (assignment_statement) (break_statement) (communication_case) (continue_statement) (dec_statement)
  (default_case) (defer_statement) (expression_case) (expression_statement)
  (expression_switch_statement) (field_declaration) (for_statement) (go_statement) (goto_statement)
  (if_statement) (import_declaration) (inc_statement) (labeled_statement) (package_clause)
  (return_statement) (select_statement) (send_statement) (short_var_declaration) (type_case)
  (type_switch_statement) (var_declaration)
] @statement
