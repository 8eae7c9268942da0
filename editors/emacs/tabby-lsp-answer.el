;;; tabby-lsp-answer.el --- Answers, with links into the code -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; The server writes an answer into a file and asks for it to be shown; this is
;; the mode of these files.  It knows nothing of servers.

;;; Code:

(require 'url-util)

(defconst tabby-lsp--answers "tabby-lsp/\\(?:.*/\\)?answers/[^/]+\\.md\\'"
  "What the names of answers match.")

(defun tabby-lsp-answer-visit (button)
  "Go to the code that BUTTON is about, in another window."
  (let ((file (button-get button 'tabby-lsp-file))
        (line (button-get button 'tabby-lsp-line)))
    (pop-to-buffer (find-file-noselect file))
    (goto-char (point-min))
    (forward-line (1- line))))

(defun tabby-lsp--answer-links ()
  "Make buttons of the links to files, and show their labels alone."
  (save-excursion
    (goto-char (point-min))
    (while (re-search-forward
            "\\(\\[\\)\\([^]\n]*\\)\\(](file://\\([^)#\n]+\\)\\(?:#L\\([0-9]+\\)\\)?)\\)" nil t)
      (let* ((from (match-beginning 2)) (to (match-end 2))
             (address (match-string-no-properties 4))
             (line (string-to-number (or (match-string-no-properties 5) "1")))
             (file (save-match-data
                     (decode-coding-string (url-unhex-string address) 'utf-8))))
        (put-text-property (match-beginning 1) (match-end 1) 'invisible t)
        (put-text-property (match-beginning 3) (match-end 3) 'invisible t)
        (make-text-button from to 'action #'tabby-lsp-answer-visit 'follow-link t
                          'tabby-lsp-file file 'tabby-lsp-line line
                          'help-echo file)))))

(define-derived-mode tabby-lsp-answer-mode special-mode "Answer"
  "Mode of answers of tabby-lsp.
TAB goes to the next link into the code, RET follows it."
  (setq-local revert-buffer-function nil)
  (visual-line-mode)
  (with-silent-modifications (tabby-lsp--answer-links)))

(keymap-set tabby-lsp-answer-mode-map "TAB" #'forward-button)
(keymap-set tabby-lsp-answer-mode-map "<backtab>" #'backward-button)

(provide 'tabby-lsp-answer)
;;; tabby-lsp-answer.el ends here
