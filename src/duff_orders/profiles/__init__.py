"""How a partner writes: profiles, said once, and the readings by which files are judged.

- `profile`: a partner's own text (TOML), checked as a whole
- `reading`: what of it, with the contract's version, decides what values mean; named by its hash
"""
