;;; tabby-lsp-ghost.el --- A suggestion that is visible at point -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; What is shown, and what is left of it after some typing.  This file knows
;; nothing of servers; its keys run commands of tabby-lsp.el.

;;; Code:

(require 'cl-lib)

(defface tabby-lsp-suggestion
  '((t :inherit shadow :slant italic))
  "Face of a suggestion that is not yet accepted."
  :group 'tabby-lsp)

(cl-defstruct (tabby-lsp--shown (:constructor tabby-lsp--shown))
  "Suggestions at POINT, as they were when the buffer had TICK and SIZE.
ITEMS are (TEXT . COMMAND), TEXT being what is to be inserted; the first
one is visible."
  items point tick size)

(defvar-local tabby-lsp--shown nil
  "The visible suggestion, or nil.")

(defvar-local tabby-lsp--overlay nil
  "The overlay that shows it.")

(defun tabby-lsp--show (items)
  "Make the first of ITEMS visible at point."
  (setq tabby-lsp--shown
        (tabby-lsp--shown :items items :point (point) :size (buffer-size)
                          :tick (buffer-chars-modified-tick)))
  (let ((text (propertize (caar items) 'face 'tabby-lsp-suggestion)))
    ;; the cursor is drawn before the text, not behind it
    (put-text-property 0 1 'cursor t text)
    (unless tabby-lsp--overlay
      (setq tabby-lsp--overlay (make-overlay (point) (point))))
    (move-overlay tabby-lsp--overlay (point) (point))
    (overlay-put tabby-lsp--overlay 'window (selected-window))
    (overlay-put tabby-lsp--overlay 'after-string text))
  (tabby-lsp-suggestion-mode 1))

(defun tabby-lsp--hide (&rest _)
  "Make no suggestion visible."
  (when tabby-lsp--shown
    (setq tabby-lsp--shown nil)
    (delete-overlay tabby-lsp--overlay)
    (tabby-lsp-suggestion-mode -1)))

(defun tabby-lsp--current-p ()
  "Whether the buffer and point are as they were for the visible suggestion."
  (and (= (tabby-lsp--shown-tick tabby-lsp--shown) (buffer-chars-modified-tick))
       (= (tabby-lsp--shown-point tabby-lsp--shown) (point))))

(defun tabby-lsp--typed-along ()
  "What is left of the suggestions, if all that was typed is their beginning."
  (let ((start (tabby-lsp--shown-point tabby-lsp--shown)))
    (when (and (< start (point))
               (= (- (buffer-size) (tabby-lsp--shown-size tabby-lsp--shown))
                  (- (point) start)))
      (let ((typed (buffer-substring-no-properties start (point))))
        (cl-loop for (text . command) in (tabby-lsp--shown-items tabby-lsp--shown)
                 when (and (string-prefix-p typed text)
                           (length< typed (length text)))
                 collect (cons (substring text (length typed)) command))))))

(defun tabby-lsp-next (count)
  "Show the suggestion that is COUNT after the visible one."
  (interactive "p" tabby-lsp-suggestion-mode)
  (let* ((items (tabby-lsp--shown-items tabby-lsp--shown))
         (first (mod count (length items))))
    (tabby-lsp--show (append (nthcdr first items) (take first items)))))

(defun tabby-lsp-previous (count)
  "Show the suggestion that is COUNT before the visible one."
  (interactive "p" tabby-lsp-suggestion-mode)
  (tabby-lsp-next (- count)))

(defvar-keymap tabby-lsp-suggestion-mode-map
  :doc "Keys while a suggestion is visible."
  "TAB" 'tabby-lsp-accept
  "<tab>" 'tabby-lsp-accept
  "M-f" 'tabby-lsp-accept-word
  "C-<right>" 'tabby-lsp-accept-word
  "C-e" 'tabby-lsp-accept-line
  "M-n" 'tabby-lsp-next
  "M-p" 'tabby-lsp-previous
  "C-g" 'tabby-lsp-dismiss)

(define-minor-mode tabby-lsp-suggestion-mode
  "On while a suggestion is visible; not for people to turn on."
  :interactive nil)

(provide 'tabby-lsp-ghost)
;;; tabby-lsp-ghost.el ends here
