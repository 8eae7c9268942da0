; What a file of ruby defines, imports and uses: see symbols/queries.py for the meaning of each name.

(class name: (_) @name superclass: (superclass (_) @bases)? body: (body_statement)? @body) @class

(module name: (_) @name body: (body_statement)? @body) @module

(method name: (_) @name body: (body_statement) @body) @method

(method name: (_) @name) @method

(singleton_method name: (_) @name body: (body_statement) @body) @method

(singleton_method name: (_) @name) @method

(assignment left: (constant) @name) @constant

((call method: (identifier) @receiver arguments: (argument_list (simple_symbol) @name)) @field
  (#any-of? @receiver "attr_reader" "attr_accessor" "attr_writer" "attribute" "belongs_to" "has_many" "has_one" "scope"))

((assignment left: (instance_variable) @name) @own)

((call method: (identifier) @receiver) @import
  (#any-of? @receiver "require" "require_relative" "autoload" "load"))

; Around the cursor.

[(identifier) (constant) (instance_variable) (self)] @use

(assignment left: (identifier) @local)

(left_assignment_list (identifier) @local)

(method_parameters (identifier) @local)

(keyword_parameter name: (identifier) @local)

(optional_parameter name: (identifier) @local)

(splat_parameter name: (identifier) @local)

(block_parameter name: (identifier) @local)

(block_parameters (identifier) @local)

(exception_variable (identifier) @local)

(method name: (identifier) @local)
