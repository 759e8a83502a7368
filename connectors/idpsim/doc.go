// Package idpsim is an organisation that does not exist: one population of people and groups, with an application that some of
// them are assigned to, which can be asked like a Microsoft Entra tenant (idpsim/graph), asked like an Okta org (idpsim/okta), and
// which provisions itself into a SCIM receiver with the habits of either vendor (idpsim/push). It imitates what the vendors'
// documentation says of their services and shares no code with whoever asks.
//
// A population is generated from a seed, read from a File, or built by hand, one Step at a time. What the seed gives is computed when it is asked for;
// only what was changed is stored, so that a million people fit in a few megabytes. The same seed and the same steps give the same
// answers, byte for byte, apart from times, which come from Options.Now.
//
// One life serves both vendors:
//
//	step         Entra                                   Okta
//	disable      accountEnabled false                    DEPROVISIONED; leaves the application, stays in groups; a direct assignment is lost
//	enable       accountEnabled true                     ACTIVE; assigned again through groups
//	suspend      accountEnabled false                    SUSPENDED; keeps groups and assignments
//	soft-delete  recycle bin, assignments hidden         DEPROVISIONED
//	restore      back, with groups and assignments       ACTIVE
//	purge        gone from the recycle bin: 404          deleted: 404
//
// Beside its people, the Entra tenant has granted permissions and runs a provisioning job (Provisioning), which idpsim/graph shows and
// push.Entra carries out: what a step changes of the one, the other follows.
//
// Every step is written down as Events, which Okta shows as its System Log. Beside the people there is what the Entra tenant and the Okta
// org allow their caller, and how each provisions the application.
//
// Whatever can go wrong between a vendor and its caller is a named fault: see FaultList.
package idpsim
