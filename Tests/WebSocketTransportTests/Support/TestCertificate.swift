/// A self-signed certificate for localhost and 127.0.0.1, for tests only: its key is public.
enum TestCertificate {
    static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBnDCCAUGgAwIBAgIUYg9QxIyZl3O4YxwC5yUIzoLSU4EwCgYIKoZIzj0EAwIw
        FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzA1NDcwN1oYDzIxMjYxMDMw
        MDU0NzA3WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
        PQMBBwNCAATQygKLYwJTZe7BHh9Ouez+xDOUVjZhbBDKumtE9xogflo+JOuJxnac
        0aa5yb7xIonKeJPmu4HkaXKIZjNdeRpdo28wbTAdBgNVHQ4EFgQU3dmEePdkQCGJ
        mgopexdij1ygTNQwHwYDVR0jBBgwFoAU3dmEePdkQCGJmgopexdij1ygTNQwDwYD
        VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
        zj0EAwIDSQAwRgIhALMx9jqW/nSjw298/O7Gpp/ESoRLmiMYvUZzbTfxZ8EgAiEA
        307z/ht71QppkckSSNp2TAwq+zCMbuCK2j14z6fPn2M=
        -----END CERTIFICATE-----
        """

    static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgOb1aWv4O1hdpRYOe
        tGJv7BP5/T2JgCW10TkNHiLFh5+hRANCAATQygKLYwJTZe7BHh9Ouez+xDOUVjZh
        bBDKumtE9xogflo+JOuJxnac0aa5yb7xIonKeJPmu4HkaXKIZjNdeRpd
        -----END PRIVATE KEY-----
        """
}
