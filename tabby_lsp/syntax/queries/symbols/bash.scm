; What a script of bash defines, reads and uses: see symbols/queries.py for the meaning of each name.

(function_definition name: (word) @name body: (_) @body) @function

(program (variable_assignment name: (variable_name) @name) @constant)

(program (declaration_command (variable_assignment name: (variable_name) @name)) @constant)

((command name: (command_name) @receiver argument: (_)) @import
  (#any-of? @receiver "source" "."))

; Around the cursor.

(command_name (word) @use)

(variable_name) @use

(variable_assignment name: (variable_name) @local)

(declaration_command (variable_name) @local)

(for_statement variable: (variable_name) @local)

(function_definition name: (word) @local)
