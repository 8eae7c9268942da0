; What the editor's cursor meets in rust: see grammars.py for the meaning of each name.

[
  (char_literal) (raw_string_literal) (string_literal)
] @string

[
  (block_comment) (line_comment)
] @comment

[
  (block) (declaration_list) (enum_variant_list) (field_declaration_list) (field_initializer_list)
  (match_block)
] @block

[
  (const_item) (enum_item) (foreign_mod_item) (function_item) (function_signature_item) (impl_item)
  (macro_definition) (mod_item) (static_item) (struct_item) (trait_item) (type_item) (union_item)
] @definition

[
  (attribute_item) (enum_variant) (expression_statement) (extern_crate_declaration)
  (field_declaration) (for_expression) (if_expression) (let_declaration) (loop_expression)
  (macro_invocation) (match_arm) (match_expression) (use_declaration) (while_expression)
] @statement
