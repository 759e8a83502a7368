package idpsim

import (
	"strconv"
	"strings"
)

// The names of generated people: 64 × 64 combinations in an order that the seed chooses; from the 4,097th person on, the user name
// carries a number.

const pairs = 64 * 64

var givenNames = [64]string{
	"Ada", "Amir", "Anouk", "Asha", "Aurel", "Bea", "Bram", "Cleo", "Cyril", "Dara", "Dina", "Edda", "Eli", "Emre", "Enzo", "Esme",
	"Farah", "Finn", "Flora", "Gaia", "Goran", "Gwen", "Hana", "Hugo", "Ida", "Ilse", "Imre", "Iris", "Ivo", "Jana", "Jola", "Juno",
	"Kai", "Kira", "Lara", "Lena", "Leo", "Lina", "Loïc", "Luca", "Maël", "Maja", "Marek", "Mila", "Nadia", "Nico", "Nora", "Olga",
	"Omar", "Otto", "Pia", "Rania", "Remo", "Rosa", "Ruben", "Sami", "Selma", "Silas", "Tara", "Theo", "Uma", "Vera", "Yara", "Zoë",
}

var familyNames = [64]string{
	"Acker", "Alder", "Ash", "Aspen", "Bach", "Barley", "Beech", "Berg", "Birch", "Bloom", "Bracken", "Brook", "Cedar", "Clay", "Clover", "Cove",
	"D'Orme", "Dale", "Dell", "Dune", "Elm", "Fern", "Field", "Fjell", "Flint", "Ford", "Frost", "Glen", "Grove", "Hazel", "Heath", "Hill",
	"Holm", "Ivy", "Lake", "Larch", "Laurel", "Lind", "Loch", "Maple", "Marsh", "Meadow", "Mill", "Moor", "Moss", "Myrtle", "Oak", "O'Glen",
	"Olive", "Pine", "Reed", "Ridge", "Rowan", "Sage", "Sand", "Shore", "Stone", "Thorn", "Vale", "Weide", "Willow", "Wold", "Åker", "Östby",
}

var titles = [8]string{"Engineer", "Analyst", "Account Manager", "Designer", "Support Specialist", "Buyer", "Controller", "Planner"}

var departments = [8]string{"Engineering", "Finance", "Sales", "Design", "Support", "Purchasing", "Operations", "People"}

var groupNames = [16]string{
	"Everyone", "Engineering", "Sales", "Finance", "Support", "Design", "Operations", "People",
	"Purchasing", "Legal", "Research", "Security", "Marketing", "Facilities", "Quality", "Logistics",
}

// slugs are the names as they appear in user names, and where they are found again.
var (
	givenSlugs, familySlugs   [64]string
	givenBySlug, familyBySlug = index(&givenSlugs, &givenNames), index(&familySlugs, &familyNames)
)

var plain = strings.NewReplacer("'", "", "ï", "i", "ë", "e", "Å", "A", "Ö", "O")

func index(slugs, names *[64]string) map[string]uint32 {
	found := make(map[string]uint32, len(names))
	for i, name := range names {
		slugs[i] = strings.ToLower(plain.Replace(name))
		found[slugs[i]] = uint32(i)
	}
	return found
}

// pair says which names the n-th generated person has, and their round through all pairs.
func (v *View) pair(n uint32) (given, family, round uint32) {
	at := (n*v.step + v.shift) % pairs
	return at % 64, at / 64, n / pairs
}

// unpair is the inverse of pair.
func (v *View) unpair(given, family, round uint32) uint32 {
	inverse := v.step // the inverse of an odd number modulo a power of two, by Newton
	for range 4 {
		inverse *= 2 - v.step*inverse
	}
	return (family*64+given-v.shift)*inverse%pairs + round*pairs
}

// shuffleOf chooses the order of the pairs: the n-th generated person has the pair n × step + shift.
func shuffleOf(seed uint64) (step, shift uint32) {
	h := mix64(seed)
	return uint32(h) | 1, uint32(h >> 32)
}

func (v *View) appendGeneratedUserName(dst []byte, n uint32) []byte {
	given, family, round := v.pair(n)
	dst = append(dst, givenSlugs[given]...)
	dst = append(dst, '.')
	dst = append(dst, familySlugs[family]...)
	if round > 0 {
		dst = strconv.AppendUint(dst, uint64(round)+1, 10)
	}
	dst = append(dst, '@')
	return append(dst, v.domain...)
}

// fromGenerated returns the number of the person to whom the seed gave this user name.
func (v *View) fromGenerated(userName string) (uint32, bool) {
	local, domain, _ := strings.Cut(userName, "@")
	givenSlug, rest, ok := strings.Cut(local, ".")
	if !ok || domain != v.domain {
		return 0, false
	}
	familySlug := strings.TrimRight(rest, "0123456789")
	round := uint64(0)
	if digits := rest[len(familySlug):]; digits != "" {
		var err error
		if round, err = strconv.ParseUint(digits, 10, 20); err != nil || round < 2 {
			return 0, false
		}
		round--
	}
	given, okGiven := givenBySlug[givenSlug]
	family, okFamily := familyBySlug[familySlug]
	if !okGiven || !okFamily {
		return 0, false
	}
	n := v.unpair(given, family, uint32(round))
	return n, n < v.generated
}
