--- tabby-lsp: code completion from a local model inside a language server.
---
--- For Neovim 0.11 and later: `vim.lsp.enable('tabby_lsp')`. This file alone is enough where Neovim itself shows inline
--- completion (0.12: `vim.lsp.inline_completion.enable()`); `require('tabby_lsp').setup()` does that and more.
---
--- The server's settings go under `settings`:
---
---     vim.lsp.config('tabby_lsp', { settings = { ['tabby-lsp'] = { completion = { max_lines = 6 } } } })

---@param client vim.lsp.Client
---@param folders lsp.WorkspaceFolder[]
local function add_folders(client, folders)
  if folders[1] then
    client:notify('workspace/didChangeWorkspaceFolders', { event = { added = folders, removed = {} } })
  end
end

---@type vim.lsp.Config
return {
  cmd = { 'tabby-lsp' },
  -- no `filetypes`: every file, since the model knows more languages than a list would name
  root_markers = { '.tabby-lsp.toml', '.git', '.hg', 'pyproject.toml', 'package.json', 'Cargo.toml', 'go.mod' },
  before_init = function(params, config)
    -- Neovim sends settings only after `initialized`, when the server has begun to load its default model
    params.initializationOptions = vim.tbl_get(config, 'settings', 'tabby-lsp') or params.initializationOptions
  end,
  -- one server for all projects, where Neovim would start one for each root: each would hold a model in memory
  reuse_client = function(client, config)
    if client.name ~= config.name or client:is_stopped() then
      return false
    end
    local uri = config.root_dir and vim.uri_from_fname(config.root_dir)
    local folders = client.workspace_folders or {}
    if uri and not vim.iter(folders):any(function(known) return known.uri == uri end) then
      local folder = { uri = uri, name = config.root_dir }
      client.workspace_folders = vim.list_extend({ folder }, folders)
      if client.initialized then
        add_folders(client, { folder })
      end
    end
    return true
  end,
  on_init = function(client)
    -- those that came while the server was starting
    local first = client.root_dir and vim.uri_from_fname(client.root_dir)
    add_folders(client, vim.tbl_filter(function(folder) return folder.uri ~= first end, client.workspace_folders or {}))
  end,
}
