"""The ids of what every sandbox has: its identities, policy of authentication, collections and endpoints."""

# Fixed, so that what a console has stored about a sandbox is true again after a restart.
IDENTITY = "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d01"
OTHER_IDENTITIES = ("5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d11", "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d12")
POLICY = "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d13"
DTN_COLLECTION = "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d02"
SITE_COLLECTION = "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d03"
GUEST_COLLECTION = "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d07"
ENDPOINTS = {
    "frib-fit-mpi": "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d04",
    "frib-convert": "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d05",
    "frib-analysis": "5f1b0e9a-2d0c-4c7e-9b8e-51de7c0a1d06",
}
