;;; tabby-lsp-cursor.el --- Tells the server where point rests -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; The server reads the text around the place that it is told, so that it need
;; not do so when a key is pressed there.  The protocol has no such message;
;; `tabby/cursor' is our own.

;;; Code:

(require 'eglot)
(require 'tabby-lsp-ghost)

(defvar tabby-lsp-mode)
(defvar tabby-lsp--request)

(defconst tabby-lsp--rest-delay 0.2
  "Seconds after which point has come to rest.
It outlasts the repeat of a held key: whoever runs through a file is not
to heat the processor.")

(defvar tabby-lsp--rest-timer nil
  "The timer that tells the server; one for all buffers, as there is one user.")

(defvar tabby-lsp--rest-told nil
  "Buffer, point and modification tick that a server was told last.")

(defun tabby-lsp--rest-place ()
  "Where the user is."
  (list (current-buffer) (point) (buffer-chars-modified-tick)))

(defun tabby-lsp--rest-cancel ()
  "Tell nothing for now."
  (when tabby-lsp--rest-timer
    (cancel-timer tabby-lsp--rest-timer)
    (setq tabby-lsp--rest-timer nil)))

(defun tabby-lsp--rest-soon ()
  "Tell where point is if it stays there for a moment."
  (tabby-lsp--rest-cancel)
  (let ((place (tabby-lsp--rest-place)))
    (unless (equal place tabby-lsp--rest-told)
      (setq tabby-lsp--rest-timer
            ;; an idle timer would wait for the next key where Emacs is idle already,
            ;; as it is when the server says that its model has been loaded
            (run-with-timer tabby-lsp--rest-delay nil #'tabby-lsp--rest-tell place)))))

(defun tabby-lsp--rest-tell (place)
  "Tell the server that point rests at PLACE, if it still does."
  (setq tabby-lsp--rest-timer nil)
  (when (buffer-live-p (car place))
    (with-current-buffer (car place)
      (when (and tabby-lsp-mode (eq (current-buffer) (window-buffer))
                 (equal place (tabby-lsp--rest-place))
                 ;; while it answers, or has answered, the server knows
                 (not tabby-lsp--shown) (not tabby-lsp--request))
        (when-let* ((server (eglot-current-server)))
          (setq tabby-lsp--rest-told place)
          (eglot--signal-textDocument/didChange)
          (jsonrpc-notify server :tabby/cursor
                          (eglot--TextDocumentPositionParams)))))))

(provide 'tabby-lsp-cursor)
;;; tabby-lsp-cursor.el ends here
