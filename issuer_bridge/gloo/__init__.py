"""Gloo Mesh's IssuedCertificate: a CA in one cluster signs for another, whose private keys stay where they are."""
