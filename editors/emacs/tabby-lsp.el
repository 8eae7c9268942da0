;;; tabby-lsp.el --- Inline completion from a local model, through Eglot -*- lexical-binding: t; -*-

;; Author: The tabby-lsp developers
;; Version: 0.1.0
;; Package-Requires: ((emacs "30.1"))
;; Keywords: convenience, tools
;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; The language server `tabby-lsp' completes code with a model that runs on
;; this machine.  Eglot knows nothing of textDocument/inlineCompletion: this
;; file asks for it, and shows the answer as ghost text at point.
;;
;;   (require 'tabby-lsp)
;;   (tabby-lsp-setup)
;;   (add-hook 'python-mode-hook #'eglot-ensure)
;;
;; While a suggestion is visible TAB accepts it, M-f a word and C-e a line of
;; it, M-n and M-p show the other ones, C-g dismisses it.  C-c \ asks by hand.

;;; Code:

(require 'cl-lib)
(require 'eglot)
(require 'tabby-lsp-commands)
(require 'tabby-lsp-cursor)
(require 'tabby-lsp-ghost)
(require 'tabby-lsp-status)
(require 'tabby-lsp-steps)

(defgroup tabby-lsp nil
  "Inline completion from a local model."
  :group 'eglot
  :prefix "tabby-lsp-")

(defcustom tabby-lsp-command '("tabby-lsp")
  "The server's executable and its arguments."
  :type '(repeat string)
  :risky t)

(defcustom tabby-lsp-idle-delay 0.15
  "Seconds without a key after which a suggestion is asked for.
If nil, suggestions come only when asked for by `tabby-lsp-complete'."
  :type '(choice (const :tag "By hand only" nil) number))

(defcustom tabby-lsp-modes '(prog-mode conf-mode text-mode)
  "Major modes in which `tabby-lsp-setup' makes tabby-lsp Eglot's server.
One server serves all of them, so that the model is in memory once a
project; it knows a file's language by its name."
  :type '(repeat symbol))

;;;; Question and answer

(defvar-local tabby-lsp--request nil
  "(SERVER . ID) of the last question, or nil if it is answered.")

(defvar-local tabby-lsp--version 0
  "The document's version that was asked about last.")

(defvar-local tabby-lsp--timer nil
  "Timer that asks when Emacs is idle.")

(defvar tabby-lsp-mode)
(defvar-local tabby-lsp--tick nil
  "Value of `buffer-chars-modified-tick' when a command last ended.")

(defun tabby-lsp--cancel ()
  "Take back the question that is not yet answered."
  (when tabby-lsp--timer
    (cancel-timer tabby-lsp--timer)
    (setq tabby-lsp--timer nil))
  (pcase tabby-lsp--request
    (`(,server . ,id)
     (setq tabby-lsp--request nil)
     (when (jsonrpc-running-p server)
       (jsonrpc-notify server :$/cancelRequest `(:id ,id))))))

(defun tabby-lsp--ask (kind &optional kept)
  "Ask the server; KIND is 1 for the user's own wish, 2 while typing.
KEPT is what is visible and has to be the answer's beginning."
  (tabby-lsp--cancel)
  (when-let* ((server (eglot-current-server)))
    (eglot--signal-textDocument/didChange)
    (setq tabby-lsp--version
          (plist-get (eglot--VersionedTextDocumentIdentifier) :version))
    (let* ((buffer (current-buffer)) (here (point))
           (tick (buffer-chars-modified-tick)) id
           (answered
            (lambda (items)
              (when (buffer-live-p buffer)
                (with-current-buffer buffer
                  (when (eql id (cdr tabby-lsp--request))
                    (setq tabby-lsp--request nil)
                    (when (and items (eq buffer (window-buffer))
                               (string-prefix-p (or kept "") (caar items))
                               (= here (point))
                               (= tick (buffer-chars-modified-tick)))
                      (tabby-lsp--show items))))))))
      (jsonrpc-async-request
       server :textDocument/inlineCompletion
       (append (eglot--TextDocumentPositionParams)
               `(:context (:triggerKind ,kind)))
       :success-fn (lambda (result)
                     (when (buffer-live-p buffer)
                       (with-current-buffer buffer
                         (funcall answered (tabby-lsp--items result here)))))
       :error-fn (lambda (&rest _) (funcall answered nil))
       :timeout-fn (lambda () (funcall answered nil))
       :timeout 60)
      ;; jsonrpc does not say which number it gave; it is the last one
      (setq id (jsonrpc--next-request-id server)
            tabby-lsp--request (cons server id)))))

(cl-defmethod eglot-handle-notification
  (server (_method (eql tabby/longer)) &key uri version &allow-other-keys)
  "SERVER has more of an answer than it gave for VERSION of URI.
Ask again, where that answer is what is visible, or what is left of it."
  (with-current-buffer (window-buffer)
    (when (and tabby-lsp--shown (tabby-lsp--current-p)
               (length= (tabby-lsp--shown-items tabby-lsp--shown) 1)
               (eq server (eglot-current-server))
               (equal uri (plist-get (eglot--TextDocumentIdentifier) :uri))
               ;; the buffer is ahead of VERSION while somebody types along
               (<= tabby-lsp--version version))
      (tabby-lsp--ask 2 (caar (tabby-lsp--shown-items tabby-lsp--shown))))))

(defun tabby-lsp--items (result here)
  "The items (TEXT . COMMAND) in RESULT that can be shown at HERE.
RESULT is an InlineCompletionList or a vector of InlineCompletionItem."
  (cl-loop for item across (if (vectorp result) result
                             (or (plist-get result :items) []))
           for text = (tabby-lsp--insertion item here)
           when text collect (cons text (plist-get item :command))))

(defun tabby-lsp--insertion (item here)
  "What ITEM would insert at HERE; nil if it does something else as well."
  (let ((text (plist-get item :insertText))
        (range (plist-get item :range)))
    (when (stringp text)
      (pcase-let* ((`(,start . ,end) (if range (eglot-range-region range)
                                       (cons here here)))
                   (before (and (<= start here)
                                (buffer-substring-no-properties start here))))
        (and before (= end here)
             (string-prefix-p before text)
             (length< before (length text))
             (substring text (length before)))))))

(defun tabby-lsp--after-command ()
  "Follow what a command did, and ask when the buffer was changed by it."
  (let* ((tick (buffer-chars-modified-tick))
         (changed (not (eql tick tabby-lsp--tick))))
    (setq tabby-lsp--tick tick)
    ;; of a change the server hears anyway
    (if changed (tabby-lsp--rest-cancel) (tabby-lsp--rest-soon))
    (unless (and tabby-lsp--shown (tabby-lsp--current-p))
      (let ((rest (and tabby-lsp--shown (tabby-lsp--typed-along))))
        (cond (rest (tabby-lsp--show rest))
              (t (tabby-lsp--hide)
                 (when changed (tabby-lsp--ask-soon))))))))

(defun tabby-lsp--ask-soon ()
  "Ask when Emacs has been idle for `tabby-lsp-idle-delay'."
  (tabby-lsp--cancel)
  (when (and tabby-lsp-idle-delay (not buffer-read-only))
    (setq tabby-lsp--timer
          (run-with-idle-timer
           tabby-lsp-idle-delay nil
           (lambda (buffer)
             (when (eq buffer (window-buffer))
               (with-current-buffer buffer
                 (when (and tabby-lsp-mode (not (use-region-p)))
                   (tabby-lsp--ask 2)))))
           (current-buffer)))))

;;;; Commands

(defun tabby-lsp-complete ()
  "Ask for suggestions at point."
  (interactive nil tabby-lsp-mode)
  (tabby-lsp--hide)
  (tabby-lsp--ask 1))

(defun tabby-lsp--accept (regexp)
  "Insert what REGEXP matches at the beginning of the visible suggestion."
  (unless (and tabby-lsp--shown (tabby-lsp--current-p))
    (tabby-lsp--hide)
    (user-error "There is no suggestion"))
  (pcase-let* ((`((,text . ,command)) (take 1 (tabby-lsp--shown-items tabby-lsp--shown)))
               (part (and (string-match regexp text) (match-string 0 text)))
               (rest (substring text (length part))))
    (tabby-lsp--hide)
    (insert part)
    (cond ((string-empty-p rest)
           (when command (tabby-lsp--execute command)))
          (t (tabby-lsp--show (list (cons rest command)))))))

(defun tabby-lsp-accept ()
  "Insert the visible suggestion."
  (interactive nil tabby-lsp-suggestion-mode)
  (tabby-lsp--accept "\\`\\(?:.\\|\n\\)*"))

(defun tabby-lsp-accept-word ()
  "Insert the next word of the visible suggestion."
  (interactive nil tabby-lsp-suggestion-mode)
  (tabby-lsp--accept "\\`[ \t\n]*\\(?:[[:alnum:]_]+\\|[^[:alnum:]_ \t\n]+\\|\\'\\)"))

(defun tabby-lsp-accept-line ()
  "Insert the visible suggestion up to the end of a line."
  (interactive nil tabby-lsp-suggestion-mode)
  (tabby-lsp--accept "\\`\n*[^\n]*"))

(defun tabby-lsp-dismiss ()
  "Hide the visible suggestion."
  (interactive nil tabby-lsp-suggestion-mode)
  (tabby-lsp--cancel)
  (tabby-lsp--hide))

(defun tabby-lsp--execute (command)
  "Let the server run COMMAND, without waiting for it as Eglot would."
  (jsonrpc-async-request
   (eglot--current-server-or-lose) :workspace/executeCommand
   (list :command (plist-get command :command)
         :arguments (or (plist-get command :arguments) []))))

(defun tabby-lsp-download-model ()
  "Download the recommended model; its progress is in the mode line."
  (interactive nil tabby-lsp-mode)
  (tabby-lsp--execute '(:command "tabby-lsp.downloadModel")))

;;;; Modes

(defvar-keymap tabby-lsp-mode-map
  :doc "Keys of `tabby-lsp-mode'."
  "C-c \\" #'tabby-lsp-complete)

;;;###autoload
(define-minor-mode tabby-lsp-mode
  "Show suggestions of this buffer's language server as ghost text.
\\<tabby-lsp-mode-map>Type \\[tabby-lsp-complete] to ask for some.

Keys while one is visible:

\\{tabby-lsp-suggestion-mode-map}"
  :lighter (:eval (tabby-lsp--lighter))
  (cond (tabby-lsp-mode
         (setq tabby-lsp--tick (buffer-chars-modified-tick))
         (tabby-lsp--rest-soon)
         (add-hook 'post-command-hook #'tabby-lsp--after-command nil t)
         (add-hook 'window-selection-change-functions #'tabby-lsp--hide nil t))
        (t
         (tabby-lsp--cancel)
         (tabby-lsp--hide)
         (remove-hook 'post-command-hook #'tabby-lsp--after-command t)
         (remove-hook 'window-selection-change-functions #'tabby-lsp--hide t))))

(defun tabby-lsp--managed ()
  "Turn the mode on where Eglot has a server that can, else off."
  (tabby-lsp-mode
   (if (and (eglot-managed-p) (eglot-server-capable :inlineCompletionProvider)) 1 -1)))

;;;###autoload
(defun tabby-lsp-setup ()
  "Let Eglot use tabby-lsp in `tabby-lsp-modes'; show its suggestions.
They are shown wherever a server offers them, so also where
`eglot-server-programs' names another one that brings tabby-lsp along."
  (cl-pushnew (cons tabby-lsp-modes tabby-lsp-command) eglot-server-programs
              :test #'equal)
  (add-to-list 'auto-mode-alist (cons tabby-lsp--answers #'tabby-lsp-answer-mode))
  (add-hook 'eglot-managed-mode-hook #'tabby-lsp--managed))

(cl-defmethod eglot-client-capabilities :extra "tabby-lsp" :around (_server)
  "Announce inline completion that may grow, and edits in pieces."
  (let* ((capabilities (cl-call-next-method))
         (experimental (plist-get capabilities :experimental)))
    (cl-callf append (plist-get capabilities :textDocument)
      '(:inlineCompletion (:dynamicRegistration :json-false)))
    ;; Eglot has an empty hash table there, another package perhaps more
    (setf (plist-get capabilities :experimental)
          (append '(:tabby (:longer t :steps t)) (and (listp experimental) experimental)))
    capabilities))

;;;; Settings that a cloned repository brings

(defun tabby-lsp--harmless-p (configuration)
  "Whether a directory may set CONFIGURATION without the user being asked.
`eglot-workspace-configuration' is safe for Eglot, but what it says
about model, engine and log decides what tabby-lsp loads and writes."
  (let ((print-length nil) (print-level nil))
    (and (listp configuration)
         (not (seq-intersection
               '("model" "engine" "log" "offline")
               (split-string (downcase (prin1-to-string configuration))
                             "[^a-z_-]+"))))))

(put 'eglot-workspace-configuration 'safe-local-variable #'tabby-lsp--harmless-p)

(provide 'tabby-lsp)
;;; tabby-lsp.el ends here
