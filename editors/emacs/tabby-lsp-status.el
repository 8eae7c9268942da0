;;; tabby-lsp-status.el --- What the server is doing -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; `tabby/status' is a notification of the server's own; it is shown in the mode
;; line while it is not "ready", and by a command.

;;; Code:

(require 'cl-lib)
(require 'eglot)
(require 'tabby-lsp-cursor)

(defvar tabby-lsp--statuses (make-hash-table :test #'eq :weakness 'key)
  "The params of the last `tabby/status' of each server.")

(defun tabby-lsp--status ()
  "The status of this buffer's server."
  (gethash (eglot-current-server) tabby-lsp--statuses))

(cl-defmethod eglot-handle-notification
  (server (_method (eql tabby/status)) &rest params)
  "Keep SERVER's status, the PARAMS."
  (puthash server params tabby-lsp--statuses)
  (when (equal (plist-get params :state) "ready")
    ;; where point came to rest before the model was loaded
    (with-current-buffer (window-buffer) (tabby-lsp--rest-soon)))
  (force-mode-line-update t))

(defun tabby-lsp--lighter ()
  "The minor mode's text in the mode line."
  (cl-destructuring-bind (&key state message percent &allow-other-keys)
      (tabby-lsp--status)
    (concat " Tabby"
            (cond ((member state '(nil "ready" "unloaded")) "")
                  (percent (format ":%d%%" percent))
                  (t (propertize (concat ":" state) 'help-echo message))))))

(defun tabby-lsp-status ()
  "Say what the server is doing."
  (interactive nil tabby-lsp-mode)
  (cl-destructuring-bind (&key state message model &allow-other-keys)
      (tabby-lsp--status)
    (message "tabby-lsp: %s"
             (string-join
              (seq-remove #'string-empty-p
                          (list (or state "unknown") (or message "") (or model "")))
              ", "))))

(provide 'tabby-lsp-status)
;;; tabby-lsp-status.el ends here
