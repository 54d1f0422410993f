"""OneID, the library: identity fragments in, people with stable OneIDs out. The front door; no web framework inside.

    async with open_store("sqlite:///oneid.db", Rules.builtin()) as store:
        await ingest(store, [fragment_of({"source": "crm", "id": "1", "identifiers": ["phone:13912345678"]}, need_time=False)])
        [profile] = await store.profiles_by([ByIdentifier(Identifier("phone", "+8613912345678"))], [Want("identifiers")])
"""
