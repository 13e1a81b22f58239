package redact

import "strings"

// maxStatus is the length of the longest text that says something about a secret.
const maxStatus = 60

// minStatusWords is how many words a sentence has at least that may contain a number: "at
// least 8 characters".
const minStatusWords = 3

// isStatus reports whether a value only says something about a secret: "required".
func isStatus(content string) bool {
	if len(content) > 2*maxStatus {
		return false
	}
	if strings.Trim(content, "*•") == "" {
		return true // a mask
	}
	content = strings.Trim(content, " \t\r\n.,;:!?()[]{}\"'*<>/")
	if content == "" || len(content) > maxStatus {
		return false
	}
	fields := strings.FieldsFunc(content, func(r rune) bool { return strings.ContainsRune(" ,;/", r) })
	for _, field := range fields {
		isCount := len(fields) >= minStatusWords && len(field) <= 3 && digits.run(field, 0) == len(field)
		if !isCount && !statusWords[strings.ToLower(strings.TrimRight(field, ".!?:"))] {
			return false
		}
	}
	return true
}

// statusWords are what is said about a secret in place of it, in several languages. Mask, too.
var statusWords = foldedSet(`missing invalid expired required none null nil undefined true false yes no ok changed reset empty
		unknown n/a set unset not enabled disabled revoked updated rotated removed deleted redacted hidden masked provided given valid
		wrong incorrect mismatch mandatory optional present absent is was has been must be the please provide and or too short long weak
		strong [redacted] filtered [filtered] omitted failed accepted
		declined granted denied sms totp email app
		at least most characters character chars digits digit letters letter uppercase lowercase symbol symbols number numbers
		contain contains include one more less than be again here to change enter choose
		fehlt falsch ungültig abgelaufen erforderlich geändert gesetzt zurückgesetzt vergessen gesperrt gelöscht leer kein keine keins nein ja
		nicht vergeben unbekannt gültig korrekt richtig mindestens höchstens zeichen ziffern buchstaben stellen lang kurz zu stark schwach siehe
		anhang pflicht pflichtfeld bitte eingeben ändern neu muss werden wurde ist aktualisiert entfernt verborgen deaktiviert aktiviert
		oublié modifié obligatoire requis invalide erroné expiré changé manquant vide réinitialisé supprimé masqué aucun non oui faible fort
		trop court caractères chiffres lettres au moins inconnu valide
		olvidada obligatoria obligatorio requerida incorrecta inválida caducada expirada cambiada modificada falta ninguna vacía débil fuerte
		muy corta larga caracteres dígitos mínimo desconocida sí restablecida eliminada oculta
		obrigatória obrigatório incorreta alterada esquecida vazia fraca forte nenhuma redefinida removida sim não
		obbligatoria obbligatorio richiesta errata scaduta valida cambiata dimenticata mancante vuota debole caratteri nessuna reimpostata
		verplicht ongeldig onjuist verlopen gewijzigd vergeten ontbreekt leeg zwak sterk tekens minimaal geen onbekend nee
		obligatoriskt saknas ogiltigt fel ändrat glömt svagt tecken minst påkrevd påkrævet mangler ugyldig ugyldigt feil forkert endret ændret
		glemt utløpt udløbet tegn mindst pakollinen puuttuu virheellinen väärä vaihdettu unohtunut vanhentunut merkkiä vähintään
		wymagane brak nieprawidłowe błędne zmienione zapomniane wygasło znaków povinné chybí neplatné změněno zapomenuté vypršelo
		kötelező hiányzik hibás obligatorie lipsă greșită gerekli zorunlu yanlış geçersiz obavezno obvezno
		обязательно обязателен неверный неверно отсутствует изменён истёк сброшен нет да пустой забыт неправильный символов минимум`)
