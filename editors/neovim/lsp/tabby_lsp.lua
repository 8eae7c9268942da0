--- tabby-lsp: code completion from a local model inside a language server.
---
--- For Neovim 0.11 and later: `vim.lsp.enable('tabby_lsp')`. This file alone is enough where Neovim itself shows inline
--- completion (0.12: `vim.lsp.inline_completion.enable()`); `require('tabby_lsp').setup()` does that and more.
---
--- The server's settings go under `settings`:
---
---     vim.lsp.config('tabby_lsp', { settings = { ['tabby-lsp'] = { completion = { max_lines = 6 } } } })
---
---@type vim.lsp.Config
return {
  cmd = { 'tabby-lsp' },
  -- no `filetypes`: every file, since the model knows more languages than a list would name
  root_markers = { '.tabby-lsp.toml', '.git', '.hg', 'pyproject.toml', 'package.json', 'Cargo.toml', 'go.mod' },
  before_init = function(params, config)
    -- Neovim sends settings only after `initialized`, when the server has begun to load its default model
    params.initializationOptions = vim.tbl_get(config, 'settings', 'tabby-lsp')
  end,
}
