; inherits: ecma

(field_definition property: [(property_identifier) (private_property_identifier)] @name) @field

(field_definition property: [(property_identifier) (private_property_identifier)] @name
  value: [(arrow_function body: (statement_block) @body) (function_expression body: (_) @body)]) @method

(formal_parameters (identifier) @local)

(field_definition property: (property_identifier) @label)
